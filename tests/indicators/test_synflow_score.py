"""SynFlow against a copy of the network with absolute weights and no batch norms."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import measure

EXACT = 1e-9
"""Float64 arithmetic in another order."""


def score(net, x):
    return measure(net, x, None, ["synflow"])["synflow"]


def plain(net, x):
    net = copy.deepcopy(net).double()
    for name, module in list(net.named_modules()):
        if isinstance(module, _BatchNorm):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, nn.Identity())
    for parameter in net.parameters():
        parameter.data = parameter.data.abs()
    net(torch.ones(1, *x.shape[1:], dtype=torch.float64)).sum().backward()
    total = 0.0
    for module in net.modules():
        if isinstance(module, _ConvNd | nn.Linear):
            total += float((module.weight.data * module.weight.grad).abs().sum())
    return total


def test_score_is_that_of_an_absolute_network_without_batch_norms(network, x):
    assert score(network, x) == pytest.approx(plain(network, x), rel=EXACT)


def test_float32_network_is_scored_in_float64(network, x):
    network.float()
    assert score(network, x) == pytest.approx(plain(network, x), rel=EXACT)


def test_score_of_a_linear_chain_is_its_depth_times_the_product_of_absolute_weights(x):
    chain = nn.Sequential(nn.Flatten(), *(nn.Linear(1, 1, bias=False) for _ in range(5)))
    product = 1.0
    for layer, weight in zip(chain[1:], (0.5, -2.0, 3.0, -1.5, 0.25), strict=True):
        nn.init.constant_(layer.weight, weight)
        product *= abs(weight)
    # R = product; each layer's |w dR/dw| = R
    assert score(chain, x[:, :1, :1, :1]) == pytest.approx(5 * product, rel=EXACT)


def test_score_ignores_batch_signs_and_batch_norm(network, x):
    expected = score(network, x)
    assert score(network, 7 * x[:2] - 3) == expected
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            nn.init.constant_(module.weight, 5.0)
            module.running_var.mul_(9)
        elif isinstance(module, _ConvNd | nn.Linear):
            module.weight.data.neg_()
    assert score(network, x) == pytest.approx(expected, rel=EXACT)


def test_deep_wide_network_stays_finite():
    layers = [nn.Linear(64, 64) for _ in range(60)]
    for layer in layers:
        nn.init.constant_(layer.weight, 3.0)
    net = nn.Sequential(nn.Flatten(), *layers)
    assert 1e100 < score(net, torch.ones(1, 64)) < float("inf")


def test_output_independent_of_the_weights_scores_zero(x):
    class Zeroed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(192, 4)

        def forward(self, x):
            return self.layer(x.flatten(1)) * 0

    assert score(Zeroed(), x) == 0


def test_network_without_weight_layers_is_unsupported(x):
    with pytest.raises(Unsupported, match="no convolutional or linear layer"):
        score(nn.Flatten(), x)


def computed_with(function):
    """A network that computes with a tensor it creates."""
    torch.manual_seed(0)

    class Creates(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(12, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.last(function(self.first(x.flatten(1))))

    return Creates()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.prelu(x, torch.ones(1)),
        lambda x: x @ torch.eye(4),
        lambda x: torch.zeros(x.shape).index_put((torch.arange(len(x)),), x),
        lambda x: x + torch.zeros(1, dtype=torch.float32),
    ],
    ids=["prelu", "product", "index", "sum with a named type"],
)
def test_tensors_created_in_the_pass_have_the_type_of_the_score(function):
    x = torch.ones(1, 3, 2, 2)
    expected = score(computed_with(lambda x: x), x)
    assert score(computed_with(function), x) == pytest.approx(expected, rel=EXACT)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    "function", [lambda x: x @ torch.eye(4, dtype=torch.float32), lambda x: x.float()]
)
def test_a_type_that_the_network_asks_for_by_name_is_named(function):
    with pytest.raises(Unsupported, match="taken in float64, in which the network cannot be"):
        score(computed_with(function), torch.ones(1, 3, 2, 2))
