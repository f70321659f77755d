from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import benchmarks, spaces
from untrained.spaces.nasbench201.natsbench_sss import NATSBenchSize

FULL = {"num_classes": 10, "channels": 16, "cells": 1}


@pytest.fixture
def sizes() -> NATSBenchSize:
    found = spaces["natsbench_sss"]
    assert isinstance(found, NATSBenchSize)
    return found


def slow_forward(network: nn.Module, cells: int, x: Tensor) -> Tensor:
    """From the weights in the order of the modules, in train mode; widths are the weights' own."""
    weights: Iterator[nn.Module] = iter(
        m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)
    )

    def conv(y: Tensor, stride: int = 1) -> Tensor:
        weight = next(weights).get_parameter("weight")
        return F.conv2d(y, weight, None, stride, weight.shape[-1] // 2)

    def norm(y: Tensor) -> Tensor:
        module = next(weights)
        mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), keepdim=True, correction=0)
        gain, shift = (module.get_parameter(p).view(1, -1, 1, 1) for p in ("weight", "bias"))
        return gain * (y - mean) / torch.sqrt(var + 1e-5) + shift

    def block(y: Tensor, stride: int = 1) -> Tensor:
        return norm(conv(y.clamp(min=0), stride))

    def cell(y: Tensor) -> Tensor:
        first = block(y)
        second = block(y)
        second = second + block(first)
        through = y if y.shape[1] == first.shape[1] else norm(conv(y))
        third = through + block(first)
        return third + block(second)

    def reduction(y: Tensor) -> Tensor:
        deep = block(block(y, 2))
        b, c, h, w = y.shape
        return deep + conv(y.view(b, c, h // 2, 2, w // 2, 2).mean((3, 5)))

    x = norm(conv(x))
    for stage in range(3):
        x = reduction(x) if stage else x
        for _ in range(cells):
            x = cell(x)
    x = norm(x).clamp(min=0).mean((2, 3))
    classifier = network.get_submodule("classifier")
    return x @ classifier.get_parameter("weight").T + classifier.get_parameter("bias")


@pytest.mark.parametrize(("text", "cells"), [("8:16:64:32:48", 1), ("24:8:8:24:16", 2)])
def test_forward_is_that_of_a_plain_reimplementation(
    sizes: NATSBenchSize, text: str, cells: int
) -> None:
    network = sizes.build(text, num_classes=5, channels=4, cells=cells).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(
            network(x), slow_forward(network, cells, x), rtol=1e-9, atol=1e-10
        )


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("8:8:8:8:8", 11_714),
        ("8:8:8:16:40", 67_378),
        ("8:8:16:40:40", 107_826),
        ("64:64:64:64:64", 713_674),
    ],
)
def test_parameters_are_the_published_ones(
    sizes: NATSBenchSize, text: str, parameters: int
) -> None:
    assert sizes.num_parameters(text, **FULL) == parameters
    built = sizes.build(text, **FULL)
    assert sum(p.numel() for p in built.parameters()) == parameters


def test_the_order_is_the_benchmarks(sizes: NATSBenchSize) -> None:
    texts = [arch.text for arch in sizes]
    assert (texts[0], texts[12], texts[-1]) == ("8:8:8:8:8", "8:8:8:16:40", "64:64:64:64:64")
    assert len(set(texts)) == 8**5


def test_channels_scale_the_widths(sizes: NATSBenchSize) -> None:
    def widths(channels: int) -> list[int]:
        network = sizes.build("8:16:64:32:48", num_classes=3, channels=channels, cells=1).eval()
        with torch.no_grad():
            return [stage.shape[1] for stage in network.stages(torch.randn(1, 3, 16, 16))]

    assert widths(16) == [8, 64, 48]
    assert widths(4) == [2, 16, 12]
    assert widths(1) == [1, 4, 3]
    network = sizes.build("8:16:64:32:48", **FULL).eval()
    with torch.no_grad():
        stages = network.stages(torch.randn(1, 3, 32, 32))
    assert [stage.shape[-1] for stage in stages] == [32, 16, 8]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has 1 layers instead of 5"),
        ("8:16:64:32", "it has 4 layers instead of 5"),
        ("8:16:64:32:72", "the width of layer 5 is '72'"),
        ("8:016:64:32:8", "the width of layer 2 is '016'"),
        ("8:16:64:32:٨", "the width of layer 5 is '٨'"),
    ],
)
def test_a_malformed_text_is_refused_with_the_place(
    sizes: NATSBenchSize, text: str, reason: str
) -> None:
    with pytest.raises(MalformedInput) as caught:
        sizes.parse(text)
    message = str(caught.value)
    assert f"{text!r} is not a NATS-Bench size architecture: {reason}" in message
    assert "write 5 widths joined by ':', such as 8:16:64:32:48, each one of 8, 16," in message


def test_without_its_table_the_benchmark_says_what_is_missing(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    missing = benchmarks["natsbench_sss"].missing()
    assert missing is not None
    assert f"{tmp_path}/tables/natsbench_sss.parquet" in missing
