import re

import numpy as np
import pytest
import torch
from torch import nn

from untrained.foundation import MalformedInput
from untrained.harness.data.datasets import find_dataset
from untrained.indicators import Measurement, read
from untrained.spaces import spaces
from untrained.spaces.mobile.mobilenetv2 import MobileNetV2, MobileNetV2Network

PUBLISHED = "32-e1k3c16d1-e6k3c24d2-e6k3c32d3-e6k3c64d4-e6k3c96d3-e6k3c160d3-e6k3c320d1-1280"
WIDER = "48-e1k3c24d1-e6k3c32d2-e6k3c48d3-e6k3c88d4-e6k3c136d3-e6k3c224d3-e6k3c448d1-1792"
AS_WRITTEN = {"num_classes": 1000, "channels": 16, "cells": 5}


@pytest.fixture
def mobile() -> MobileNetV2:
    found = spaces["mobilenetv2"]
    assert isinstance(found, MobileNetV2)
    return found


def by_hand(text: str, side: int, num_classes: int) -> tuple[int, int]:
    """Parameters and multiply-accumulates, convolution by convolution."""
    numbers = [int(n) for n in re.findall("[0-9]+", text)]
    stem, head, stages = numbers[0], numbers[-1], np.array(numbers[1:-1]).reshape(7, 4).tolist()
    parameters = operations = 0

    def convolution(given: int, wanted: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        nonlocal parameters, operations, side
        side = -(-side // stride)
        weights = wanted * (given // groups) * kernel**2
        parameters += weights + 2 * wanted  # the batch norm has two a channel
        operations += weights * side**2

    convolution(3, stem, 3, 2)
    width = stem
    for (expansion, kernel, wanted, depth), stride in zip(
        stages, (1, 2, 2, 2, 1, 2, 1), strict=True
    ):
        for block in range(depth):
            inner = expansion * width
            if expansion > 1:
                convolution(width, inner, 1)
            convolution(inner, inner, kernel, 1 if block else stride, groups=inner)
            convolution(inner, wanted, 1)
            width = wanted
    convolution(width, head, 1)
    return parameters + head * num_classes + num_classes, operations + head * num_classes


def sizes(space: MobileNetV2, text: str, side: int) -> tuple[int, int]:
    network = space.build(text, **AS_WRITTEN)
    batch = torch.zeros(2, 3, side, side)
    with Measurement(network, [(batch, None)]) as measurement:
        readings = read(measurement, ["params", "flops"])
    assert {r.status for r in readings.values()} == {"ok"}, readings
    return int(readings["params"].value), int(readings["flops"].value)


def test_the_published_network_has_its_size(mobile: MobileNetV2) -> None:
    side = find_dataset("imagenet").resolution
    assert sizes(mobile, PUBLISHED, side) == (3_504_872, 300_774_272)
    # 300 M multiply-accumulates and 3.4 M parameters in the paper
    assert by_hand(PUBLISHED, side, 1000) == (3_504_872, 300_774_272)


def test_its_wider_relative_too(mobile: MobileNetV2) -> None:
    parameters, operations = sizes(mobile, WIDER, 224)
    assert round(parameters / 1e6, 2) == 6.11
    assert operations / 1e6 == pytest.approx(585, rel=0.01)


def test_sizes_of_drawn_networks_are_those_counted_by_hand(mobile: MobileNetV2) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        arch = mobile.sample(rng)
        assert sizes(mobile, arch.text, 160) == by_hand(arch.text, 160, 1000)


def test_the_published_network_can_be_drawn(mobile: MobileNetV2) -> None:
    """Every decision of it is among those that a neighbour may have."""
    for neighbor in mobile.neighbors(PUBLISHED):
        assert mobile.parse(PUBLISHED) in mobile.neighbors(neighbor)
    assert len(mobile.neighbors(PUBLISHED)) == 4 + 7 * (3 + 2 + 3) + 2 + 2 + 5 * 4 + 4


def test_blocks_are_linear_at_their_ends_and_every_relu_is_one(mobile: MobileNetV2) -> None:
    network = mobile.build(PUBLISHED, num_classes=3, channels=4, cells=5).double().eval()
    assert isinstance(network, MobileNetV2Network)
    relus = [m for m in network.modules() if isinstance(m, nn.ReLU)]
    assert len(relus) == 1 + 1 + 2 * 16 + 1  # stem, the block without expansion, 16 others, head
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        maps = network.stages(x)
        assert [m.shape[1:] for m in maps] == [
            (4, 32, 32),
            (6, 16, 16),
            (8, 8, 8),
            (24, 4, 4),
            (80, 2, 2),
        ]
        assert all((m < 0).any() for m in maps)
        pooled = network.features(x).mean((2, 3))
        expected = pooled @ network.classifier.weight.T + network.classifier.bias
        torch.testing.assert_close(network(x), expected)


def test_shortcuts_are_where_the_shape_is_kept(mobile: MobileNetV2) -> None:
    network = mobile.build(PUBLISHED, num_classes=3, channels=4, cells=5)
    assert isinstance(network, MobileNetV2Network)
    shortcuts = [cell.shortcut for cell in network.cells]
    assert sum(shortcuts) == 10
    depths = (1, 2, 3, 4, 3, 3, 1)
    assert shortcuts == [block > 0 for depth in depths for block in range(depth)]


def test_channels_and_cells_scale_widths_and_depths(mobile: MobileNetV2) -> None:
    half = mobile.build(PUBLISHED, num_classes=3, channels=8, cells=10)
    assert isinstance(half, MobileNetV2Network)
    assert len(half.cells) == 2 * 17
    assert half.stem[0].out_channels == 16
    assert half.classifier.in_features == 640


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("32-1280", "it has 0 stages instead of 7"),
        (PUBLISHED.replace("e6k3c24d2", "k3e6c24d2"), "its stage 2 is 'k3e6c24d2'"),
        (PUBLISHED.replace("e6k3c24d2", "e6k4c24d2"), "the kernel of stage 2 is 4, not odd"),
        (PUBLISHED.replace("e6k3c24d2", "e6k3c24d0"), "the depth of stage 2 is 0, not 1 to 100"),
        (PUBLISHED.replace("e6k3c24d2", "e17k3c24d2"), "the expansion of stage 2 is 17, not 1"),
        (PUBLISHED.replace("1280", "²"), "the width of its last convolution is '²'"),
        (PUBLISHED.replace("1280", "0"), "the width of its last convolution is 0, not 1 to 8192"),
        (PUBLISHED.replace("32-e1", "-e1"), "the width of its stem is ''"),
    ],
)
def test_what_is_none_is_refused_with_the_place(mobile: MobileNetV2, text: str, told: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        mobile.parse(text)
    assert told in str(caught.value)
    assert "such as e6k3c24d2" in str(caught.value)


def test_leading_zeros_and_white_space_are_dropped(mobile: MobileNetV2) -> None:
    loose = PUBLISHED.replace("c24", "c024").replace("-", " - ")
    assert mobile.parse(loose).text == PUBLISHED
