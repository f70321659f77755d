"""The mixed second derivative of the loss against automatic differentiation of a derivative."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.indicators import measure
from untrained.indicators.jets.jet import Jet, NoRule, mixed_derivative
from untrained.spaces import spaces

EXACT = 1e-9
"""Float64 arithmetic in another order."""

Directions = dict[str, tuple[Tensor, Tensor, Tensor]]


def weights_of(net: nn.Module) -> dict[str, nn.Parameter]:
    layers = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    names = {id(p): name for name, p in net.named_parameters()}
    found = [m.get_parameter("weight") for m in net.modules() if isinstance(m, layers)]
    return {names[id(weight)]: weight for weight in found}


def random_directions(net: nn.Module) -> Directions:
    generator = torch.Generator().manual_seed(5)

    def like(weight: Tensor) -> Tensor:
        return torch.randn(weight.shape, generator=generator, dtype=weight.dtype)

    return {
        name: (weight.detach(), like(weight), like(weight))
        for name, weight in weights_of(net).items()
    }


def by_backward(net: nn.Module, x: Tensor, y: Tensor, directions: Directions) -> float:
    """u^T (H v), H v by a backward pass through a backward pass."""
    weights = list(weights_of(net).values())
    loss = functional.cross_entropy(net(x.clone()), y)
    slopes = torch.autograd.grad(loss, weights, create_graph=True)
    along = torch.stack(
        [(g * v).sum() for g, (_, _, v) in zip(slopes, directions.values(), strict=True)]
    ).sum()
    curvature = torch.autograd.grad(along, weights, allow_unused=True, materialize_grads=True)
    pairs = zip(curvature, directions.values(), strict=True)
    return sum(float((hv * u).sum()) for hv, (_, u, _) in pairs)


def assert_agrees(net: nn.Module, x: Tensor, y: Tensor) -> None:
    directions = random_directions(net)
    expected = by_backward(net, x, y, directions)
    assert mixed_derivative(net, x.clone(), y, directions) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("training", [True, False], ids=["batch_statistics", "running_statistics"])
def test_it_is_that_of_two_backward_passes(
    network: nn.Module, x: Tensor, y: Tensor, training: bool
) -> None:
    network.train()(x.clone())  # running statistics of their own
    assert_agrees(network.train(training), x, y)


class Joined(nn.Module):
    """Concatenation with a constant map, slices, a gate, sums in place, and differences."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 4, 3, padding=1)
        self.right = nn.Conv2d(3, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(11, affine=False, track_running_stats=False)
        self.up = nn.ConvTranspose2d(11, 4, 2, stride=2)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.left(x), self.right(x)
        gated = left * right.mean((2, 3), keepdim=True)
        joined = torch.cat([gated, left - right, x], dim=1)
        joined = self.norm(joined)
        joined += joined[:, 4:5].clone()
        joined[:, :, :4].relu_()
        pooled = functional.max_pool2d(joined, 2)
        out = (self.up(-pooled) / 3 - 1).sum((2, 3))
        logits: Tensor = self.head(out)
        return logits


def test_it_passes_what_joins_and_splits_maps(x: Tensor, y: Tensor) -> None:
    assert_agrees(Joined().double(), x, y)


CELLS = {
    "every_operation": "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+"
    "|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    "convolutions": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+"
    "|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "no_path": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
}


@pytest.mark.parametrize("text", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_it_passes_the_networks_of_the_search_space(
    text: str, layout: torch.memory_format, x: Tensor, y: Tensor
) -> None:
    net = spaces["nasbench201"].build(text, num_classes=4, channels=4, cells=1).double()
    assert_agrees(net.train(), x.contiguous(memory_format=layout), y)


@pytest.mark.parametrize("name", ["cudnn_batch_norm", "miopen_batch_norm"])
@pytest.mark.parametrize("training", [True, False], ids=["batch_statistics", "running_statistics"])
def test_the_normalisation_of_a_gpus_library_has_the_same_derivatives(
    name: str, training: bool, x: Tensor, y: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = spaces["nasbench201"].build(CELLS["convolutions"], num_classes=4, channels=4, cells=1)
    net = net.double().train(training)
    directions = random_directions(net)
    usual = mixed_derivative(net, x, y, directions)
    operation, calls = getattr(torch.ops.aten, name).default, []

    def library(x: Tensor, *settings: object) -> Tensor:
        calls.append(x)
        if not isinstance(x, Jet):  # there is no library here
            return torch.ops.aten.native_batch_norm(x, *settings[:-1])[0]
        return operation(x, *settings[:-1])[0]

    monkeypatch.setattr(torch, "batch_norm", library)
    assert mixed_derivative(net, x, y, directions) == usual
    assert sum(isinstance(x, Jet) for x in calls) > 10


def num_convolutions(net: nn.Module, x: Tensor, y: Tensor, directions: Directions) -> int:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        mixed_derivative(net, x, y, directions)
    return sum(e.count for e in profile.key_averages() if e.key == "aten::_slow_conv2d_forward")


def test_a_direction_that_is_the_weight_itself_saves_convolutions(x: Tensor, y: Tensor) -> None:
    layers = [nn.Conv2d(3, 3, 3, bias=False), nn.Conv2d(3, 3, 3), nn.Conv2d(3, 4, 3)]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    apart = random_directions(net)
    shared = {name: (weight, weight, v) for name, (weight, _, v) in apart.items()}
    # the images have no derivatives, and the first layer's map has no mixed one
    assert num_convolutions(net, x, y, apart) == 3 + 7 + 8
    assert num_convolutions(net, x, y, shared) == 2 + 5 + 6
    expected = by_backward(net, x, y, shared)
    assert mixed_derivative(net, x, y, shared) == pytest.approx(expected, rel=EXACT)


def with_gelu() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.Flatten(), nn.Linear(4 * 36, 4)
    ).double()


def test_what_there_is_no_rule_for_is_told(x: Tensor, y: Tensor) -> None:
    net = with_gelu()
    with pytest.raises(NoRule, match="gelu"):
        mixed_derivative(net, x, y, random_directions(net))


@pytest.mark.parametrize("build", [with_gelu, lambda: Joined().double()], ids=["without", "with"])
def test_grasp_exists_with_and_without_rules(
    build: Callable[[], nn.Module], x: Tensor, y: Tensor
) -> None:
    net = build().train()
    weights = list(weights_of(net).values())
    slopes = torch.autograd.grad(functional.cross_entropy(net(x.clone()), y), weights)
    directions = {
        name: (w.detach(), w.detach(), g)
        for (name, w), g in zip(weights_of(net).items(), slopes, strict=True)
    }
    expected = -by_backward(net, x, y, directions)
    assert np.isfinite(expected)
    assert measure(net, x, y, ["grasp"])["grasp"] == pytest.approx(expected, rel=EXACT)


def test_running_statistics_stay(x: Tensor, y: Tensor) -> None:
    norm = nn.BatchNorm2d(4)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    mixed_derivative(net, x, y, random_directions(net))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert torch.equal(norm.running_mean, torch.zeros(4).double())
    assert torch.equal(norm.running_var, torch.ones(4).double())
