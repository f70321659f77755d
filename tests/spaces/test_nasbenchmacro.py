from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.mobile.nasbenchmacro import NASBenchMacro


@pytest.fixture
def macro() -> NASBenchMacro:
    found = spaces["nasbenchmacro"]
    assert isinstance(found, NASBenchMacro)
    return found


@pytest.fixture
def table() -> Path:
    path = data_folder() / "tables" / "nasbenchmacro.parquet"
    if not path.is_file():
        pytest.skip("no NAS-Bench-Macro table: set UNTRAINED_DATA to a folder that has it")
    return path


def trained_text(text: str) -> str:
    """The text that the benchmark trained: identities at the end of each stage."""
    parts = []
    for start, length in ((0, 2), (2, 3), (5, 3)):
        first, rest = text[start], text[start + 1 : start + length]
        kept = rest.replace("0", "")
        parts.append(first + kept + "0" * (len(rest) - len(kept)))
    return "".join(parts)


def parameters(text: str, num_classes: int, channels: int) -> int:
    """By hand: pointwise, depthwise, pointwise; two batch norm weights a channel."""
    total = 3 * 9 * channels + 2 * channels
    width = channels
    for layer, digit in enumerate(text):
        target = 2 * width if layer in (0, 2, 5) else width
        expansion, kernel = {"0": (0, 1), "1": (3, 3), "2": (6, 5)}[digit]
        hidden = expansion * width
        if hidden:
            total += width * hidden + kernel**2 * hidden + hidden * target + 4 * hidden + 2 * target
        elif target != width:
            total += width * target + 2 * target
        width = target
    head = 40 * channels
    return total + width * head + 2 * head + head * num_classes + num_classes


def slow_forward(network: nn.Module, text: str, x: Tensor) -> Tensor:
    """From the weights in the order of the modules, in train mode."""
    modules: Iterator[nn.Module] = iter(
        m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)
    )

    def conv_bn(y: Tensor, stride: int = 1, *, depthwise: bool = False) -> Tensor:
        conv, norm = next(modules), next(modules)
        assert isinstance(conv, nn.Conv2d)
        groups = y.shape[1] if depthwise else 1
        weight = conv.weight
        y = F.conv2d(y, weight, None, stride, weight.shape[-1] // 2, groups=groups)
        mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), keepdim=True, correction=0)
        assert isinstance(norm, nn.BatchNorm2d)
        gain, shift = norm.weight.view(1, -1, 1, 1), norm.bias.view(1, -1, 1, 1)
        return gain * (y - mean) / torch.sqrt(var + 1e-5) + shift

    x = conv_bn(x).clamp(min=0)
    for layer, digit in enumerate(text):
        stride = 2 if layer in (0, 2, 5) else 1
        if digit == "0":
            x = conv_bn(x, stride) if stride == 2 else x
            continue
        y = conv_bn(x).clamp(min=0)
        y = conv_bn(y, stride, depthwise=True).clamp(min=0)
        y = conv_bn(y)
        x = y if stride == 2 else x + y
    x = conv_bn(x).clamp(min=0).mean((2, 3))
    classifier = network.get_submodule("classifier")
    assert isinstance(classifier, nn.Linear)
    return x @ classifier.weight.T + classifier.bias


@pytest.mark.parametrize("text", ["00000000", "12012021", "22222222", "01110002"])
def test_forward_and_parameters_are_those_of_a_plain_reimplementation(
    macro: NASBenchMacro, text: str
) -> None:
    network = macro.build(text, num_classes=5, channels=3, cells=1).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(
            network(x), slow_forward(network, text, x), rtol=1e-9, atol=1e-10
        )
    full = {"num_classes": 10, "channels": 32, "cells": 1}
    assert macro.num_parameters(text, **full) == parameters(text, 10, 32)
    assert macro.num_parameters(text, **{**full, "cells": 7}) == parameters(text, 10, 32)


def test_stages_double_and_halve_and_the_head_has_1280_channels(macro: NASBenchMacro) -> None:
    network = macro.build("12012012", num_classes=10, channels=32, cells=1).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        shapes = [tuple(stage.shape[1:]) for stage in network.stages(x)]
        assert tuple(network.features(x).shape) == (1, 1280, 4, 4)
    assert shapes == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4)]


def test_every_relu_is_called_once_on_a_map(macro: NASBenchMacro) -> None:
    network = macro.build("12012012", num_classes=4, channels=4, cells=1)
    seen: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            assert not module.inplace
            module.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    with torch.no_grad():
        network(torch.randn(2, 3, 16, 16))
    assert len(seen) == 1 + 2 * 6 + 1  # stem, six blocks, head
    assert all(x.ndim == 4 for x in seen)


def test_classes_are_those_that_the_benchmark_trained_once(macro: NASBenchMacro) -> None:
    members = defaultdict(list)
    for arch in macro:
        members[trained_text(arch.text)].append(arch)
    assert len(members) == 3969
    for group in members.values():
        assert {macro.canonical(arch) for arch in group} == {group[0]}


def test_members_of_a_class_are_one_network(macro: NASBenchMacro) -> None:
    shapes = []
    for text in ("10210012", "10201012", "10021012"):
        state = macro.build(text, num_classes=3, channels=4, cells=1).state_dict()
        shapes.append({name: tuple(value.shape) for name, value in state.items()})
    assert shapes[0] == shapes[1]
    assert shapes[1] != shapes[2]


def test_a_class_computes_one_function(macro: NASBenchMacro) -> None:
    outputs = []
    for text in ("10210012", "10201012", "10201021"):
        torch.manual_seed(3)
        network = macro.build(text, num_classes=3, channels=4, cells=1)
        with torch.no_grad():
            outputs.append(network(torch.ones(2, 3, 16, 16).cumsum(3)))
    assert macro.canonical("10210012").text == macro.canonical("10201012").text == "10201012"
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has 0 layers instead of 8"),
        ("012012012", "it has 9 layers instead of 8"),
        ("01201203", "the block of layer 8 is '3'"),
        ("0120120²", "the block of layer 8 is '²'"),
    ],
)
def test_a_malformed_text_is_refused_with_the_place(
    macro: NASBenchMacro, text: str, reason: str
) -> None:
    with pytest.raises(MalformedInput) as caught:
        macro.parse(text)
    assert f"{text!r} is not a NAS-Bench-Macro architecture: {reason}" in str(caught.value)
    assert "write 8 digits, one a layer: 0 identity, 1 MBConv" in str(caught.value)


def test_the_table_has_one_accuracy_a_class(macro: NASBenchMacro, table: Path) -> None:
    by_seed = [benchmarks["nasbenchmacro"].table(seed=seed) for seed in (0, 1, 2)]
    assert {arch.text for arch in macro} == set(by_seed[0]["architecture"])
    values = np.stack(
        [t.set_index("architecture").loc[by_seed[0]["architecture"], "value"] for t in by_seed],
        axis=1,
    )
    classes = defaultdict(set)
    for text, row in zip(by_seed[0]["architecture"], values, strict=True):
        classes[macro.canonical(text)].add(tuple(row))
    assert len(classes) == 3969
    assert all(len(rows) == 1 for rows in classes.values())
    assert len(set.union(*classes.values())) == 3969
