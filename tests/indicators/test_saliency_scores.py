"""Scores of gradients against slow versions: one pass a sample, loops, finite differences."""

import copy
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import measure

EXACT = 1e-9
"""Float64 arithmetic in another order."""
SMALL_TERMS = 1e-12
"""Terms of order 1 that cancel, where batch norm makes the sum zero."""
SINGLE_PRECISION = 1e-5
"""Fisher's sum is taken in float32."""
STEP = 1e-6
DIFFERENCES = 1e-5
"""Central differences of float64 gradients at that step."""


def score(name: str, net: nn.Module, x: Tensor, y: Tensor | None, **more: object) -> float:
    return measure(net, x, y, [name], **more)[name]  # type: ignore[arg-type]


def backward(value: Tensor) -> None:
    torch.autograd.backward(value)


def layers_of(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, _ConvNd | nn.Linear)]


def gradients(net: nn.Module, x: Tensor, y: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    net = copy.deepcopy(net).train()
    backward(functional.cross_entropy(net(x.clone()), y))
    return [
        (layer.weight.detach().numpy(), layer.weight.grad.numpy())  # type: ignore
        for layer in layers_of(net)
    ]


def test_l2_norm_is_the_sum_of_norms(network: nn.Module, x: Tensor) -> None:
    norms = [np.sqrt((layer.weight.detach().numpy() ** 2).sum()) for layer in layers_of(network)]  # type: ignore
    assert score("l2_norm", network, x, None) == pytest.approx(sum(norms), rel=EXACT)


def test_plain_is_the_signed_sum(network: nn.Module, x: Tensor, y: Tensor) -> None:
    expected = sum((w * g).sum() for w, g in gradients(network, x, y))
    assert score("plain", network, x, y) == pytest.approx(expected, rel=EXACT, abs=SMALL_TERMS)


def test_fisher_sums_the_squared_responses_of_channels(
    network: nn.Module, x: Tensor, y: Tensor
) -> None:
    net = copy.deepcopy(network).train()
    seen: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> Tensor:
        output.retain_grad()
        seen.append((module, output))
        return output.clone()

    for layer in layers_of(net):
        layer.register_forward_hook(keep)
    backward(functional.cross_entropy(net(x.clone()), y))
    expected = 0.0
    for layer, output in seen:
        a, g = output.detach().numpy(), output.grad.numpy()  # type: ignore[union-attr]
        for channel in range(a.shape[1]):
            squares = [(a[b, channel] * g[b, channel]).sum() ** 2 for b in range(len(x))]
            expected += np.mean(squares) / 2 * layer.weight[channel].numel()  # type: ignore
    assert score("fisher", network, x, y) == pytest.approx(expected, rel=SINGLE_PRECISION)


def test_grasp_is_the_difference_of_two_gradients(network: nn.Module, x: Tensor, y: Tensor) -> None:
    g = [gradient for _, gradient in gradients(network, x, y)]
    sides = []
    for sign in (1, -1):
        moved = copy.deepcopy(network)
        for layer, direction in zip(layers_of(moved), g, strict=True):
            layer.weight.data += sign * STEP * torch.from_numpy(direction)  # type: ignore
        sides.append([gradient for _, gradient in gradients(moved, x, y)])
    weights = [w for w, _ in gradients(network, x, y)]
    expected = -sum(
        (w * (up - down) / (2 * STEP)).sum() for w, up, down in zip(weights, *sides, strict=True)
    )
    assert score("grasp", network, x, y) == pytest.approx(expected, rel=DIFFERENCES)


def test_grasp_of_a_layer_on_a_bilinear_loss_is_known() -> None:
    # one weight w, logits (w x, 0), label 0: L = ln(1 + e^(-wx)), s = 1 / (1 + e^(wx))
    net = nn.Linear(1, 2, bias=False).double()
    net.weight.data = torch.tensor([[0.7], [0.0]], dtype=torch.float64)
    x = torch.tensor([[1.5]], dtype=torch.float64)
    s = 1 / (1 + np.exp(0.7 * 1.5))
    # dL/dw1 = -s x, dL/dw2 = s x; d2L/dw1^2 = s (1 - s) x^2 = -d2L/dw1dw2
    hessian_times_gradient = s * (1 - s) * 1.5**2 * (-2 * s * 1.5)
    expected = -0.7 * hessian_times_gradient
    assert score("grasp", net, x, torch.tensor([0])) == pytest.approx(expected, rel=EXACT)


def test_zico_is_the_ratio_of_mean_and_deviation(network: nn.Module, x: Tensor, y: Tensor) -> None:
    other = (x.flip(0) * 1.5 + 0.1, y.roll(1))
    expected = 0.0
    pairs = zip(gradients(network, x, y), gradients(network, *other), strict=True)
    for (_, first), (_, second) in pairs:
        both = np.stack([first, second])
        deviation = both.std(0)
        if (deviation > 0).any():
            ratio = np.abs(both).mean(0)[deviation > 0] / deviation[deviation > 0]
            expected += np.log(ratio.sum())
    # gradients that are equal up to rounding have any ratio; the networks here have none
    assert score("zico", network, x, y, second_batch=other) == pytest.approx(expected, rel=1e-6)


def test_zico_of_one_batch_does_not_exist(network: nn.Module, x: Tensor, y: Tensor) -> None:
    with pytest.raises(Unsupported, match="only one"):
        score("zico", network, x, y)


def test_zico_of_a_second_batch_without_labels_does_not_exist(
    network: nn.Module, x: Tensor, y: Tensor
) -> None:
    with pytest.raises(Unsupported, match="batch 2 has none"):
        score("zico", network, x, y, second_batch=(x, None))


def test_equal_batches_leave_zico_no_layer(network: nn.Module, x: Tensor, y: Tensor) -> None:
    assert score("zico", network, x, y, second_batch=(x, y)) == float("-inf")


def jacobian_rows(net: nn.Module, x: Tensor) -> np.ndarray:
    leaf = x.clone().requires_grad_()
    copy.deepcopy(net).train()(leaf.clone()).sum().backward()
    assert leaf.grad is not None
    return leaf.grad.flatten(1).numpy()


def test_epe_nas_adds_the_classes(network: nn.Module, x: Tensor, y: Tensor) -> None:
    rows = jacobian_rows(network, x)
    expected = 0.0
    for label in range(4):
        correlation = np.atleast_2d(np.corrcoef(rows[y.numpy() == label]))
        expected += abs(np.log(np.abs(correlation) + 1e-5).sum())
    assert score("epe_nas", network, x, y) == pytest.approx(expected, rel=EXACT)


def test_epe_nas_of_many_classes_compares_them(x: Tensor) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 9), nn.ReLU(), nn.Linear(9, 101)).double()
    y = torch.tensor([7, 7, 50, 50, 50, 100])
    rows = jacobian_rows(net, x)
    scores = []
    for label in (7, 50, 100):
        correlation = np.atleast_2d(np.corrcoef(rows[y.numpy() == label]))
        scores.append(np.log(np.abs(correlation) + 1e-5).sum() / len(correlation))
    expected = sum(abs(a - b) for a, b in itertools.combinations(scores, 2)) / 3
    assert score("epe_nas", net, x, y) == pytest.approx(expected, rel=EXACT)


def test_gradsign_counts_the_agreement_of_samples(network: nn.Module, x: Tensor, y: Tensor) -> None:
    signs = []
    for b in range(len(x)):
        net = copy.deepcopy(network).train()
        backward(functional.cross_entropy(net(x.clone())[b : b + 1], y[b : b + 1]))
        signs.append(
            np.concatenate([np.sign(p.grad.numpy()).ravel() for p in net.parameters()])  # type: ignore
        )
    # a bias in front of a batch norm has a gradient of rounding errors, whose sign is anything
    biases = [layer.bias for layer in layers_of(network) if isinstance(layer.bias, Tensor)]
    normalised = any(isinstance(module, _BatchNorm) for module in network.modules())
    noise = sum(bias.numel() for bias in biases) * len(x) if normalised else 0
    expected = np.abs(np.sum(signs, axis=0)).sum()
    assert score("gradsign", network, x, y) == pytest.approx(expected, abs=noise)
    assert noise < expected


def test_logsynflow_is_that_of_an_absolute_network_without_batch_norms(
    network: nn.Module, x: Tensor
) -> None:
    net = copy.deepcopy(network)
    for name, module in list(net.named_modules()):
        if isinstance(module, _BatchNorm):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, nn.Identity())
    for parameter in net.parameters():
        parameter.data = parameter.data.abs()
    net(torch.ones_like(x[:1])).sum().backward()
    expected = sum(
        (layer.weight.detach().numpy() * np.log(layer.weight.grad.numpy() + 1)).sum()  # type: ignore
        for layer in layers_of(net)
    )
    assert score("logsynflow", network, x, None) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("name", ["plain", "fisher", "grasp", "zico", "epe_nas", "gradsign"])
def test_without_labels_the_score_does_not_exist(
    name: str, network: nn.Module, x: Tensor, y: Tensor
) -> None:
    with pytest.raises(Unsupported, match="labels"):
        score(name, network, x, None, second_batch=(x, y))


def test_an_overwritten_layer_output_keeps_its_value(x: Tensor, y: Tensor) -> None:
    class Overwriting(nn.Module):
        def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.first, self.second = nn.Linear(192, 8), nn.Linear(8, 4)
            self.activation = activation

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.second(self.activation(self.first(x.flatten(1))))
            return out

    in_place, apart = (Overwriting(f).double() for f in (torch.relu_, torch.relu))
    assert measure(in_place, x, y, ["fisher"]) == measure(apart, x, y, ["fisher"])
