"""NASI, gradient norm and SNIP against finite differences, loops and masks."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, measure
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.loss_gradients import loss_gradients

EXACT = 1e-9
"""Float64 arithmetic in another order."""
STEP = 1e-6
FINITE_DIFFERENCE = 1e-6
"""Of a central difference of that step: truncation about step^2, rounding 1e-16 / step."""


def score(name, net, x, y):
    return measure(net, x, y, [name])[name]


def loss_of(net, x, y):
    with torch.no_grad():
        logits = net.train()(x.clone())
        picked = logits[torch.arange(len(y)), y]
        # the mean cross-entropy, written out
        return float((torch.log(torch.exp(logits).sum(1)) - picked).mean())


def finite_differences(net, x, y):
    gradients = {}
    for name, parameter in net.named_parameters():
        flat = parameter.data.view(-1)
        slope = np.empty(flat.numel())
        for i in range(flat.numel()):
            kept = float(flat[i])
            flat[i] = kept + STEP
            above = loss_of(net, x, y)
            flat[i] = kept - STEP
            slope[i] = (above - loss_of(net, x, y)) / (2 * STEP)
            flat[i] = kept
        gradients[name] = slope
    return gradients


@pytest.fixture
def tiny():
    return nn.Sequential(
        nn.Conv2d(3, 2, 3, bias=False),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).double()


def test_the_loss_gradient_is_that_of_finite_differences(tiny, x, y):
    expected = finite_differences(tiny, x, y)
    with Measurement(tiny, [(x, y)]) as m:
        given = loss_gradients(m)
        assert list(given) == list(expected)
        for name, gradient in given.items():
            np.testing.assert_allclose(
                gradient.flatten().numpy(), expected[name], atol=FINITE_DIFFERENCE
            )


def test_the_three_scores_are_the_three_sums_over_finite_differences(tiny, x, y):
    slopes = finite_differences(tiny, x, y)
    weights = {name: p.detach().flatten().numpy() for name, p in tiny.named_parameters()}
    layers = ("0.weight", "5.weight")
    expected = {
        "nasi": sum(float(np.dot(g, g)) for g in slopes.values()),
        "grad_norm": sum(math.sqrt(np.dot(slopes[n], slopes[n])) for n in layers),
        "snip": sum(float(np.abs(slopes[n] * weights[n]).sum()) for n in layers),
    }
    for name, value in expected.items():
        assert score(name, tiny, x, y) == pytest.approx(value, rel=1e-5)


def layer_names(net):
    return [n for n, module in net.named_modules() if isinstance(module, _ConvNd | nn.Linear)]


def test_nasi_is_the_sum_of_squares_over_all_parameter_tensors(network, x, y):
    with Measurement(network, [(x, y)]) as m:
        by_tensor = sum(float(g.norm()) ** 2 for g in loss_gradients(m).values())
    assert score("nasi", network, x, y) == pytest.approx(by_tensor, rel=EXACT)
    functional.cross_entropy(network.train()(x.clone()), y).backward()
    flat = torch.cat([p.grad.flatten() for p in network.parameters()])
    assert by_tensor == pytest.approx(float(flat @ flat), rel=EXACT)


def test_nasi_is_quadratic_in_the_loss_and_gradient_norm_linear():
    # one linear layer W = 0 and B copies of the input e_1 with label 0: p = 1/k for k classes,
    # dL/dW = (p - onehot) e_1^T, dL/db = p - onehot
    classes, batch = 5, 3
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, classes)).double()
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    x = torch.zeros(batch, 4, dtype=torch.float64)
    x[:, 0] = 1
    y = torch.zeros(batch, dtype=torch.long)
    squared = (1 - 1 / classes) ** 2 + (classes - 1) / classes**2
    assert score("nasi", net, x, y) == pytest.approx(2 * squared, rel=EXACT)
    assert score("grad_norm", net, x, y) == pytest.approx(math.sqrt(squared), rel=EXACT)
    assert score("snip", net, x, y) == 0


def test_gradient_norm_is_a_loop_over_layers(network, x, y):
    functional.cross_entropy(network.train()(x.clone()), y).backward()
    expected = 0.0
    for name in layer_names(network):
        expected += math.sqrt(sum(g * g for g in network.get_submodule(name).weight.grad.flatten()))
    network.zero_grad()
    assert score("grad_norm", network, x, y) == pytest.approx(expected, rel=EXACT)


def test_snip_is_the_gradient_of_a_mask_of_ones(network, x, y):
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    state = {name: tensor.detach().clone() for name, tensor in state.items()}
    masks = {}
    for name in layer_names(network):
        weight = f"{name}.weight"
        masks[name] = torch.ones_like(state[weight], requires_grad=True)
        state[weight] = state[weight] * masks[name]
    loss = functional.cross_entropy(functional_call(network.train(), state, (x.clone(),)), y)
    loss.backward()
    expected = sum(float(mask.grad.abs().sum()) for mask in masks.values())
    assert score("snip", network, x, y) == pytest.approx(expected, rel=EXACT)


def test_a_layer_applied_twice_counts_once_with_its_whole_gradient(x, y):
    shared = nn.Linear(192, 192)
    net = nn.Sequential(nn.Flatten(), shared, nn.ReLU(), shared, nn.Linear(192, 4)).double()
    functional.cross_entropy(net(x), y).backward()
    expected = float(shared.weight.grad.norm() + net[4].weight.grad.norm())
    net.zero_grad()
    assert score("grad_norm", net, x, y) == pytest.approx(expected, rel=EXACT)


class TiedToAnEmbedding(nn.Module):
    """The first owner of the weight is no layer that saliency looks at."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 192)
        self.head = nn.Linear(192, 4)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        return self.head(torch.relu(x.flatten(1)))


def test_a_tied_weight_has_the_name_of_its_first_owner(x, y):
    net = TiedToAnEmbedding().double()
    with Measurement(net, [(x, y)]) as m:
        assert list(layer_weights(m)) == ["embedding.weight"]
    functional.cross_entropy(net(x), y).backward()
    expected = float(net.head.weight.grad.norm())
    net.zero_grad()
    assert score("grad_norm", net, x, y) == pytest.approx(expected, rel=EXACT)
    assert math.isfinite(score("synflow", net, x, y))


def test_a_parameter_the_loss_does_not_depend_on_has_a_zero_gradient(tiny, x, y):
    tiny.register_parameter("unused", nn.Parameter(torch.ones(3, dtype=torch.float64)))
    with Measurement(tiny, [(x, y)]) as m:
        assert not loss_gradients(m)["unused"].any()


@pytest.mark.parametrize("wrong", [4, -1])
def test_a_label_that_is_no_class_is_unsupported(tiny, x, y, wrong):
    labels = y.clone()
    labels[2] = wrong
    with pytest.raises(Unsupported, match="the network has 4 classes"):
        measure(tiny, x, labels, ["nasi"])


def test_a_network_without_parameters_or_layers_is_unsupported(x, y):
    pooling = nn.Sequential(nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten())
    with pytest.raises(Unsupported, match="no convolutional or linear layer"):
        measure(pooling, x, torch.zeros_like(y), ["snip"])
    with pytest.raises(Unsupported, match="no parameters"):
        measure(pooling, x, torch.zeros_like(y), ["nasi"])
