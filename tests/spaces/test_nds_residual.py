import json
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.foundation import MalformedInput, UserError
from untrained.spaces import spaces
from untrained.spaces.framework.network import NetworkSize
from untrained.spaces.nds.residual import NDSResidual, ResidualNetwork, Stage

NAMES = [name for name, space in spaces.items() if isinstance(space, NDSResidual)]
FULL = {"num_classes": 10, "channels": 16, "cells": 5}


def record(set_name: str = "ResNeXt-A_in", **changes: Any) -> str:
    found = {
        "block_type": "res_bottleneck_block",
        "bot_muls": [1.0, 0.25, 0.5, 0.25],
        "ds": [1, 2, 2, 1],
        "num_gs": [1, 2, 4, 2],
        "ss": [8, 1, 2, 2],
        "ws": [64, 16, 32, 32],
    }
    return f"{set_name}#{json.dumps({**found, **changes}, sort_keys=True)}"


BASIC = {"block_type": "res_basic_block", "bot_muls": [], "num_gs": []}


def residual(name: str) -> NDSResidual:
    found = spaces[name]
    assert isinstance(found, NDSResidual)
    return found


def norm(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    scaled = gain.view(1, -1, 1, 1) * (x - mean) / torch.sqrt(variance + 1e-5)
    return scaled + shift.view(1, -1, 1, 1)


def slow_forward(state: dict[str, Tensor], found: dict[str, Any], x: Tensor) -> list[Tensor]:
    """The CIFAR network from its weights; the maps before the ReLUs of all blocks, and logits."""
    weights = iter(v for k, v in state.items() if k.endswith(("weight", "bias")))

    def conv_norm(y: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = next(weights)
        pad = kernel.shape[-1] // 2
        parts = []
        for part, kernels in zip(y.chunk(groups, 1), kernel.chunk(groups, 0), strict=True):
            parts.append(F.conv2d(part, kernels, stride=stride, padding=pad))
        return norm(torch.cat(parts, 1), next(weights), next(weights))

    x = conv_norm(x).clamp(min=0)
    before = []
    width = x.shape[1]
    strides = [1, *found["ss"][1:]]
    for place, depth in enumerate(found["ds"]):
        for block in range(depth):
            stride = strides[place] if block == 0 else 1
            if found["num_gs"]:
                y = conv_norm(x).clamp(min=0)
                y = conv_norm(y, stride, found["num_gs"][place]).clamp(min=0)
            else:
                y = conv_norm(x, stride).clamp(min=0)
            y = conv_norm(y)
            changes = stride > 1 or width != found["ws"][place]
            before.append(y + (conv_norm(x, stride) if changes else x))
            width = found["ws"][place]
            x = before[-1].clamp(min=0)
    return [*before, x.mean((2, 3)) @ next(weights).T + next(weights)]


@pytest.mark.parametrize("basic", [False, True])
def test_forward_and_stages_are_those_of_a_plain_reimplementation(basic: bool) -> None:
    torch.manual_seed(0)
    space = residual("nds_resnet" if basic else "nds_resnext-a")
    text = record("ResNet_in", **BASIC) if basic else record()
    network = space.build(text, **FULL).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    state = {k: v.clone() for k, v in network.state_dict().items()}
    with torch.no_grad():
        *before, logits = slow_forward(state, space.description(text)[1], x)
        torch.testing.assert_close(network(x), logits, rtol=1e-9, atol=1e-10)
        stages = network.stages(x)
        features = network.features(x)
    # blocks 1 | 2, 3 | 4, 5 | 6: the last of stages two, three and four
    for stage, expected in zip(stages, (before[2], before[4], before[5]), strict=True):
        torch.testing.assert_close(stage, expected, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(features, before[5].clamp(min=0), rtol=1e-9, atol=1e-10)


def test_parameters_of_a_bottleneck_stage_by_hand() -> None:
    # stem 12; one block 12 > 64 without groups, then one 64 > 16 of inner width 4 in 2 groups
    text = record(ds=[1, 1], ws=[64, 16], ss=[8, 1], bot_muls=[1.0, 0.25], num_gs=[1, 2])
    stem = 27 * 12 + 24
    first = 12 * 64 + 128 + 9 * 64 * 64 + 128 + 64 * 64 + 128 + 12 * 64 + 128
    second = 64 * 4 + 8 + 9 * 4 * 2 + 8 + 4 * 16 + 32 + 64 * 16 + 32
    head = 16 * 10 + 10
    count = spaces["nds_resnext-a"].num_parameters(text, **FULL)
    assert count == stem + first + second + head


def test_a_resnet_of_four_stages_has_the_parameters_of_resnet18() -> None:
    stages = [Stage(2, 64, 1), Stage(2, 128, 2), Stage(2, 256, 2), Stage(2, 512, 2)]
    with torch.device("meta"):
        network = ResidualNetwork(stages, NetworkSize(1000, 64, 1, stem="imagenet"))
    assert sum(p.numel() for p in network.parameters()) == 11_689_512
    sizes = [s.shape[-1] for s in network.stages(torch.empty(1, 3, 224, 224, device="meta"))]
    assert sizes == [56, 28, 14, 7]


def test_a_bottleneck_network_has_the_parameters_of_resnext50() -> None:
    shapes = [(3, 256, 1, 128), (4, 512, 2, 256), (6, 1024, 2, 512), (3, 2048, 2, 1024)]
    stages = [Stage(d, w, s, bottleneck=b, groups=32) for d, w, s, b in shapes]
    with torch.device("meta"):
        network = ResidualNetwork(stages, NetworkSize(1000, 64, 1, stem="imagenet"))
    assert sum(p.numel() for p in network.parameters()) == 25_028_904


def test_stems_and_first_strides() -> None:
    space = residual("nds_resnext-a")
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        cifar = space.build(record(), **FULL).eval().stages(x)
        imagenet = space.build(record(), **FULL, stem="imagenet").eval().stages(x)
    assert [tuple(s.shape[1:]) for s in cifar] == [(16, 64, 64), (32, 32, 32), (32, 16, 16)]
    # the stem divides by four, the first stage by eight
    assert [s.shape[-1] for s in imagenet] == [16, 2, 1, 1]


# parameters as the published files have them: ds, ws, bot_muls, num_gs
PUBLISHED = {
    "ResNet": [
        ([1, 2, 3, 3], [16, 32, 128, 160], [], [], 2_174_234),
        ([1, 24, 2, 24], [16, 24, 32, 32], [], [], 732_810),
    ],
    "ResNet_in": [
        ([1, 5, 2, 3, 10], [32, 32, 32, 192, 128], [], [], 5_040_584),
        ([1, 1, 8, 5, 12], [16, 96, 48, 48, 96], [], [], 2_726_328),
        ([1, 2, 16, 3, 6], [32, 32, 48, 48, 96], [], [], 1_888_584),
    ],
    "ResNeXt-A_in": [
        ([1, 2, 2, 2], [64, 16, 128, 128], [1, 0.25, 0.5, 0.25], [1, 2, 4, 2], 277_592),
        ([1, 1, 16, 16], [64, 256, 128, 32], [1, 1, 0.5, 0.5], [1, 1, 4, 4], 1_272_008),
        ([1, 4, 8, 4], [64, 64, 16, 256], [1, 0.5, 0.5, 0.5], [1, 2, 2, 2], 890_664),
        ([1, 2, 16, 4], [64, 64, 32, 128], [1, 1, 1, 0.5], [1, 1, 2, 4], 491_720),
    ],
    "ResNeXt-B_in": [
        ([1, 1, 1, 4], [64, 1024, 128, 64], [1, 0.25, 1, 0.5], [1, 4, 4, 16], 964_616),
        ([1, 1, 1, 16], [64, 64, 1024, 128], [1, 1, 0.5, 1], [1, 8, 1, 2], 5_148_936),
        ([1, 1, 1, 4], [64, 512, 128, 256], [1, 0.25, 0.5, 0.5], [1, 1, 2, 8], 1_052_552),
        ([1, 1, 4, 2], [64, 128, 64, 256], [1, 1, 1, 0.5], [1, 4, 2, 8], 666_888),
    ],
}


@pytest.mark.parametrize("set_name", PUBLISHED)
def test_with_the_written_stem_parameters_are_those_of_the_published_files(set_name: str) -> None:
    space = residual(f"nds_{set_name.removesuffix('_in').lower()}")
    first = {"ResNet": 1, "ResNet_in": 4}.get(set_name, 8)
    classes = 1000 if set_name.endswith("_in") else 10
    for ds, ws, bot_muls, num_gs, parameters in PUBLISHED[set_name]:
        strides = [first, 1, *[2] * (len(ds) - 2)]
        basic = {} if bot_muls else BASIC
        text = record(
            set_name, ds=ds, ws=ws, ss=strides, **{"bot_muls": bot_muls, "num_gs": num_gs, **basic}
        )
        with torch.device("meta"):
            network = space.build(text, **{**FULL, "num_classes": classes}, stem="written")
        assert sum(p.numel() for p in network.parameters()) == parameters
        pixels = 8 * first
        maps = network.stages(torch.empty(2, 3, pixels, pixels, device="meta"))
        assert [m.shape[-1] for m in maps] == [8, 4, 2, 1][: len(maps)]


def test_a_written_stem_has_the_stride_of_one() -> None:
    with pytest.raises(MalformedInput, match="the stride of its stem is 2, not 1, 4 or 8"):
        residual("nds_resnext-a").build(record(ss=[2, 1, 2, 2]), **FULL, stem="written")


def test_channels_and_cells_scale_what_is_written() -> None:
    space = residual("nds_resnext-a")
    network = space.build(record(), num_classes=3, channels=8, cells=10)
    assert isinstance(network, ResidualNetwork)
    assert network.shapes == (
        Stage(2, 32, 1, bottleneck=32),
        Stage(4, 8, 1, bottleneck=2, groups=2),
        Stage(4, 16, 2, bottleneck=8, groups=4),
        Stage(2, 16, 2, bottleneck=4, groups=2),
    )
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions[0].out_channels == 6


@pytest.mark.parametrize("name", NAMES)
def test_every_decision_is_drawn_and_neighbors_change_one(name: str) -> None:
    space = residual(name)
    rng = np.random.default_rng(0)
    drawn = [space.description(space.sample(rng))[1] for _ in range(300)]
    for key, values in space.choices.items():
        assert {value for found in drawn for value in found[key][1:]} == set(values)
        assert len({found[key][0] for found in drawn}) == 1
    for _ in range(3):
        arch = space.sample(rng)
        _, here = space.description(arch)
        neighbors = space.neighbors(arch)
        for neighbor in neighbors:
            _, other = space.description(neighbor)
            pairs = [(a, b) for k in here for a, b in zip(here[k], other[k], strict=True)]
            assert sum(a != b for a, b in pairs) == 1
        assert len(neighbors) == 3 * sum(len(values) - 1 for values in space.choices.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (record(ds=[1, 2, 2]), "bot_muls is [1.0, 0.25, 0.5, 0.25], not a list of 3 numbers"),
        (record(ds=7), "bot_muls is [1.0, 0.25, 0.5, 0.25], not a list of 0 numbers"),
        (record(ds=[1, 0, 2, 1]), "ds of stage 2 is 0"),
        (record(ws=[64, 16, 32, "32"]), "ws of stage 4 is '32'"),
        (record(ss=[8, 1, 2, 99]), "ss of stage 4 is 99, not a whole number of 1 to 32"),
        (record(num_gs=[1, 3, 4, 2]), "the inner width of stage 2 is 4, not a multiple of its 3"),
        (record(bot_muls=[1.0, 2, 0.5, 0.25]), "bot_muls of stage 2 is 2, not a number above 0"),
        (record(bot_muls=[1.0, 0, 0.5, 0.25]), "bot_muls of stage 2 is 0"),
        (record(bot_muls=[1.0, 0.01, 0.5, 0.25]), "the inner width of stage 2 is 0"),
        (record(**BASIC), "block_type is 'res_basic_block' instead of 'res_bottleneck_block'"),
        (record(ds=[], ws=[], ss=[], bot_muls=[], num_gs=[]), "it has 0 stages, not 1 to 10"),
        (record("ResNeXt-B_in"), "it begins with 'ResNeXt-B_in', not with one of ResNeXt-A_in"),
    ],
)
def test_malformed_texts_say_where(text: str, reason: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        spaces["nds_resnext-a"].parse(text)
    assert reason in str(caught.value)


def test_one_that_has_no_neighbors_cannot_be_mutated() -> None:
    space = residual("nds_resnet")
    alone = record("ResNet_in", **BASIC, ds=[1], ss=[8], ws=[64])
    assert space.neighbors(alone) == []
    with pytest.raises(
        UserError, match=r"a mutation of .*ResNet_in.* no architecture of NDS ResNet differs"
    ):
        space.mutate(alone, np.random.default_rng(0))


def test_a_first_stage_without_bottleneck_is_as_wide_as_its_output() -> None:
    arch = spaces["nds_resnext-a"].parse(record("ResNeXt-A", bot_muls=[0, 0.25, 0.5, 0.25]))
    assert arch.text == record("ResNeXt-A")
