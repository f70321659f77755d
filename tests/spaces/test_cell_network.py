import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from untrained.foundation import MalformedInput
from untrained.spaces import spaces
from untrained.spaces.darts.network import FactorizedReduce, make_operation
from untrained.spaces.darts.space import DARTS

# edges of (normal, reduction) as in the published genotype files
V1_NORMAL = (
    "|sep_conv_3x3~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|"
    "+|skip_connect~0|sep_conv_3x3~1|+|sep_conv_3x3~0|skip_connect~2|"
)
V1 = (
    f"{V1_NORMAL};|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~0|skip_connect~2|"
    "+|max_pool_3x3~0|skip_connect~2|+|avg_pool_3x3~0|skip_connect~2|"
)
V2 = (
    "|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|"
    "+|skip_connect~0|sep_conv_3x3~1|+|skip_connect~0|dil_conv_3x3~2|"
    ";|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~1|skip_connect~2|"
    "+|max_pool_3x3~0|skip_connect~2|+|max_pool_3x3~1|skip_connect~2|"
)
MIXED = (
    "|dil_conv_5x5~0|none~1|+|avg_pool_3x3~1|skip_connect~2|+|sep_conv_5x5~2|max_pool_3x3~3|"
    "+|dil_conv_3x3~0|sep_conv_3x3~4|"
    ";|skip_connect~0|avg_pool_3x3~1|+|none~0|dil_conv_5x5~1|+|sep_conv_3x3~1|sep_conv_5x5~2|"
    "+|dil_conv_3x3~0|skip_connect~4|"
)


@pytest.fixture
def darts() -> DARTS:
    found = spaces["darts"]
    assert isinstance(found, DARTS)
    return found


def weights(state: dict[str, Tensor], prefix: str) -> list[Tensor]:
    """The learned tensors below a name, in the order of the layers."""
    return [v for k, v in state.items() if k.startswith(prefix) and k.endswith(("weight", "bias"))]


def norm(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    return gain.view(1, -1, 1, 1) * (x - mean) / torch.sqrt(variance + 1e-5) + shift.view(
        1, -1, 1, 1
    )


def convolved(x: Tensor, kernel: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Convolution by explicit patches; grouped one channel each if the kernel has one input."""
    size = kernel.shape[-1]
    pad = dilation * (size // 2)
    patches = F.unfold(x, size, dilation, pad, stride)
    side = (x.shape[-1] - 1) // stride + 1
    batch, channels = x.shape[:2]
    patches = patches.view(batch, channels, size * size, side * side)
    flat = kernel.flatten(2)
    if kernel.shape[1] == 1 and channels > 1:
        out = torch.einsum("bckp,ck->bcp", patches, flat[:, 0])
    else:
        out = torch.einsum("bckp,ock->bop", patches, flat)
    return out.view(batch, -1, side, side)


def slow_operation(name: str, x: Tensor, w: list[Tensor], stride: int) -> Tensor:
    if name == "none":
        return torch.zeros_like(x[:, :, ::stride, ::stride])
    if name == "skip_connect":
        return x if stride == 1 else slow_reduce(x, w)
    kind, _, _ = name.rpartition("_")
    if kind in ("max_pool", "avg_pool"):
        padded = F.pad(x, (1, 1, 1, 1), value=torch.nan)
        windows = padded.unfold(2, 3, stride).unfold(3, 3, stride).flatten(-2)
        if kind == "avg_pool":
            return windows.nanmean(-1)
        return windows.nan_to_num(-torch.inf).amax(-1)
    dilation = 2 if kind == "dil_conv" else 1
    while w:
        depthwise, pointwise, gain, shift, *w = w
        x = convolved(x.clamp(min=0), depthwise, stride, dilation)
        x = norm(convolved(x, pointwise), gain, shift)
        stride = 1
    return x


def slow_reduce(x: Tensor, w: list[Tensor]) -> Tensor:
    first, second, gain, shift = w
    x = x.clamp(min=0)
    halves = [convolved(x[:, :, a::2, a::2], k) for a, k in ((0, first), (1, second))]
    return norm(torch.cat(halves, 1), gain, shift)


def slow_forward(state: dict[str, Tensor], text: str, cells: int, x: Tensor) -> Tensor:
    """The CIFAR network from its weights and the paper's text."""
    normal, reduction = text.split(";")
    kernel, gain, shift = weights(state, "stem.")
    before_last = last = norm(convolved(x, kernel), gain, shift)
    halved = False
    for layer in range(cells):
        reduces = layer in (cells // 3, 2 * cells // 3)
        w = weights(state, f"cells.{layer}.preprocess0.")
        if halved:
            s0 = slow_reduce(before_last, w)
        else:
            s0 = norm(convolved(before_last.clamp(min=0), w[0]), w[1], w[2])
        w = weights(state, f"cells.{layer}.preprocess1.")
        s1 = norm(convolved(last.clamp(min=0), w[0]), w[1], w[2])
        states = [s0, s1]
        number = 0
        for node in (reduction if reduces else normal).split("+"):
            terms = []
            for edge in node[1:-1].split("|"):
                name, source = edge.split("~")
                stride = 2 if reduces and int(source) < 2 else 1
                w = weights(state, f"cells.{layer}.edges.{number}.")
                terms.append(slow_operation(name, states[int(source)], w, stride))
                number += 1
            states.append(terms[0] + terms[1])
        before_last, last, halved = last, torch.cat(states[2:], 1), reduces
    return last.mean((2, 3)) @ state["classifier.weight"].T + state["classifier.bias"]


@pytest.mark.parametrize("cells", [1, 2, 3, 5])
@pytest.mark.parametrize("text", [V2, MIXED])
def test_forward_is_that_of_a_plain_reimplementation(darts: DARTS, text: str, cells: int) -> None:
    torch.manual_seed(0)
    network = darts.build(text, num_classes=5, channels=2, cells=cells).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    state = {k: v.clone() for k, v in network.state_dict().items()}
    with torch.no_grad():
        expected = slow_forward(state, text, cells, x)
        torch.testing.assert_close(network(x), expected, rtol=1e-8, atol=1e-10)


def test_parameters_are_those_of_the_published_networks(darts: DARTS) -> None:
    cifar = {"num_classes": 10, "channels": 36, "cells": 20}
    # the published evaluation code prints 3.349342M for the second-order genotype, the paper 3.3M
    assert darts.num_parameters(V2, **cifar) == 3_349_342
    assert round(darts.num_parameters(V1, **cifar) / 1e6, 1) == 3.2
    with torch.device("meta"):
        network = darts.build(V2, num_classes=1000, channels=48, cells=14, stem="imagenet")
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 4.7


def test_stages_are_what_the_reductions_read_and_the_end(darts: DARTS) -> None:
    network = darts.build(V2, num_classes=7, channels=4, cells=8).eval()
    x = torch.randn(2, 3, 32, 32)
    seen: dict[int, Tensor] = {}
    for layer, cell in enumerate(network.get_submodule("cells").children()):
        cell.register_forward_hook(lambda _, args, out, layer=layer: seen.update({layer: args[1]}))
    with torch.no_grad():
        stages = network.stages(x)
        features = network.features(x)
        logits = network(x)
    assert [tuple(s.shape) for s in stages] == [(2, 16, 32, 32), (2, 32, 16, 16), (2, 64, 8, 8)]
    assert torch.equal(stages[0], seen[8 // 3])
    assert torch.equal(stages[1], seen[16 // 3])
    assert torch.equal(stages[2], features)
    classifier = network.get_submodule("classifier")
    torch.testing.assert_close(logits, classifier(features.mean((2, 3))))


def test_the_imagenet_stem_divides_by_eight(darts: DARTS) -> None:
    network = darts.build(V2, num_classes=7, channels=4, cells=3, stem="imagenet").eval()
    with torch.no_grad():
        stages = network.stages(torch.randn(2, 3, 64, 64))
    assert [tuple(s.shape) for s in stages] == [(2, 16, 8, 8), (2, 32, 4, 4), (2, 64, 2, 2)]
    with pytest.raises(MalformedInput, match="channels=5 and the ImageNet stem"):
        darts.build(V2, num_classes=7, channels=5, cells=3, stem="imagenet")
    with pytest.raises(MalformedInput, match="stem='cifra'"):
        darts.build(V2, num_classes=7, channels=4, cells=3, stem="cifra")  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [1, 2, 7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_operation_gives_the_same_size(side: int, stride: int) -> None:
    names = (
        "none skip_connect conv_1x1 conv_3x3 conv_3x1_1x3 conv_7x1_1x7 sep_conv_3x3 sep_conv_5x5 "
        "sep_conv_7x7 dil_conv_3x3 dil_conv_5x5 dil_sep_conv_3x3 avg_pool_3x3 max_pool_3x3 "
        "max_pool_5x5 max_pool_7x7"
    )
    x = torch.randn(2, 4, side, side)
    for name in names.split():
        out = make_operation(name, 4, stride)(x)
        assert out.shape == (2, 4, -(-side // stride), -(-side // stride)), name
    with pytest.raises(ValueError, match="no operation 'sep_conv_3x5'"):
        make_operation("sep_conv_3x5", 4, stride)


def test_a_reduction_of_an_odd_side_takes_a_zero_for_the_pixel_that_is_not_there() -> None:
    reduce = FactorizedReduce(3, 2).double()
    reduce.second.weight.data.fill_(1)
    x = torch.rand(2, 3, 5, 5, dtype=torch.float64)
    padded = F.pad(x, (0, 1, 0, 1))[:, :, 1::2, 1::2].sum(1)
    expected = (padded - padded.mean()) / torch.sqrt(padded.var(correction=0) + 1e-5)
    torch.testing.assert_close(reduce(x)[:, 1], expected)


def test_relus_of_edges_that_leave_a_node_see_one_tensor(darts: DARTS) -> None:
    network = darts.build(V2, num_classes=3, channels=2, cells=3)
    seen: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    with torch.no_grad():
        network(torch.randn(2, 3, 8, 8))
    relus = [m for m in network.modules() if isinstance(m, nn.ReLU)]
    assert len(seen) == len(relus)
    assert all(x.ndim == 4 for x in seen)
    # two before each cell; five separable and one dilated convolution in the only normal one
    assert len(relus) == 3 * 2 + 5 * 2 + 1
    assert len({id(x) for x in seen}) < len(seen)


def test_drawn_cells_are_built_at_every_small_size(darts: DARTS) -> None:
    rng = np.random.default_rng(3)
    for cells in range(1, 8):
        network = darts.build(darts.sample(rng), num_classes=2, channels=1, cells=cells).eval()
        with torch.no_grad():
            assert network(torch.randn(1, 3, 9, 9)).shape == (1, 2)


def test_a_thin_network_has_one_cell_of_each_kind_and_a_last_activation(darts: DARTS) -> None:
    network = darts.build_thin(MIXED, num_classes=3).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    state = dict(network.state_dict())
    x = torch.randn(6, 1, 4, 4, dtype=torch.float64)

    def cell(place: int, text: str, inputs: list[Tensor], stride: int) -> Tensor:
        states = []
        for number, y in enumerate(inputs):
            kernel, gain, shift = weights(state, f"cells.{place}.preprocess{number}.")
            states.append(norm(convolved(y.clamp(min=0), kernel), gain, shift))
        edges = [edge.split("~") for node in text.split("+") for edge in node[1:-1].split("|")]
        for first in range(0, 8, 2):
            terms = []
            for number in (first, first + 1):
                name, source = edges[number]
                w = weights(state, f"cells.{place}.edges.{number}.")
                terms.append(
                    slow_operation(name, states[int(source)], w, stride if int(source) < 2 else 1)
                )
            states.append(terms[0] + terms[1])
        return torch.cat(states[2:], 1)

    normal, reduction = MIXED.split(";")
    with torch.no_grad():
        first = cell(0, normal, [x, x], 1)
        last = cell(1, reduction, [x, first], 2)
        torch.testing.assert_close(network.stages(x), [first, last], rtol=1e-8, atol=1e-10)
        features = norm(last, *weights(state, "lastact.")).clamp(min=0)
        torch.testing.assert_close(network.features(x), features, rtol=1e-8, atol=1e-10)
        logits = features.mean((2, 3)) @ state["classifier.weight"].T + state["classifier.bias"]
        torch.testing.assert_close(network(x), logits, rtol=1e-8, atol=1e-10)
    assert last.shape == (6, 8, 2, 2)
