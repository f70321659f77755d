"""Networks and batches that the checks use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from untrained.harness.contract.space_members import drawn
from untrained.spaces import Architecture, Network, SearchSpace, spaces
from untrained.spaces.framework.network import RecurrentNetwork


class Size(TypedDict):
    """Arguments of `SearchSpace.build`."""

    num_classes: int
    channels: int
    cells: int


SMALL: Size = {"num_classes": 5, "channels": 4, "cells": 1}
SIDE = 64  # large enough for every space's reductions


def built(space: SearchSpace, arch: Architecture | str) -> Network:
    """The small network of an architecture."""
    return space.build(arch, **SMALL)


def is_recurrent(space: SearchSpace) -> bool:
    """Whether a space's networks read words instead of images."""
    return isinstance(built(space, drawn(space, 1)[0]), RecurrentNetwork)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def words() -> Tensor:
    """Three sequences of four words out of five, (4, 3)."""
    return torch.arange(12).reshape(4, 3) % 5


ARCHITECTURE = (
    "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
)
"""Of NAS-Bench-201, with each of its operations."""
NUM_CLASSES = 5
BATCH_SIZE = 10
PIXELS = 8

Batches = tuple[tuple[Tensor, Tensor | None], ...]


def network(
    text: str = ARCHITECTURE, *, dtype: torch.dtype = torch.float64, seed: int = 0
) -> Network:
    """A network of NAS-Bench-201: one cell a stage, four channels, five classes.

    Args:
        text: the architecture.
        dtype: of weights and buffers.
        seed: of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the layers draw their weights from the global generator
        built = spaces["nasbench201"].build(text, num_classes=NUM_CLASSES, channels=4, cells=1)
    return built.to(dtype)


def thin_network(seed: int = 0) -> Network:
    """The same architecture as counts of linear regions see it; float64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return spaces["nasbench201"].build_thin(ARCHITECTURE, num_classes=NUM_CLASSES).double()


def plain_network(*, cell: str = "cell") -> nn.Module:
    """Convolutions, batch norm, ReLU; nothing that tells of stages.

    Args:
        cell: what its inner part is called; scores of cells look for parameters named so.
    """
    with torch.random.fork_rng():
        torch.manual_seed(1)
        inner = nn.Sequential(nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            [
                ("first", nn.Conv2d(3, 6, 3, padding=1)),
                ("norm", nn.BatchNorm2d(6)),
                ("relu", nn.ReLU()),
                (cell, inner),
                ("pool", nn.AdaptiveAvgPool2d(2)),
                ("flat", nn.Flatten()),
                ("head", nn.Linear(24, NUM_CLASSES)),
            ]
        )
        return nn.Sequential(parts).double()


def images(seed: int = 0, size: int = BATCH_SIZE) -> Tensor:
    """Noise in float64, (size, 3, 8, 8)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, PIXELS, PIXELS, generator=generator, dtype=torch.float64)


def labels() -> Tensor:
    """0, 1, 2, 3, 4, 0, 1, ...: every class twice."""
    return torch.arange(BATCH_SIZE) % NUM_CLASSES


def other_labels() -> Tensor:
    """0, 0, 1, 1, ...: another partition, not other names of the same."""
    return torch.arange(BATCH_SIZE) // 2


def batches() -> Batches:
    """Two batches with labels."""
    return (images(0), labels()), (images(1), other_labels())


def without_labels() -> Batches:
    """The same images."""
    return tuple((x, None) for x, _ in batches())


def with_other_labels() -> Batches:
    """The same images, the labels of the two batches exchanged."""
    (x, y), (x2, y2) = batches()
    return (x, y2), (x2, y)


def replaced(net: nn.Module, kind: type[nn.Module], by: Callable[[], nn.Module]) -> nn.Module:
    """The network itself, with all modules of a kind replaced."""
    for name, module in list(net.named_modules()):
        if isinstance(module, kind):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, by())
    return net


def without_relu() -> nn.Module:
    """GELU in place of every ReLU."""
    return replaced(network(), nn.ReLU, nn.GELU)


def without_batch_norm() -> nn.Module:
    """Nothing in place of every batch norm."""
    return replaced(network(), _BatchNorm, nn.Identity)


class _NoWayBack(torch.autograd.Function):
    """Hands its input on; has no gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise ArithmeticError("there is no way back")


def no_way_back(module: nn.Module, args: Any, out: Tensor) -> Tensor:
    """A forward hook after which no gradient can be taken."""
    result: Tensor = _NoWayBack.apply(out)  # type: ignore[no-untyped-call]
    return result


def without_gradients() -> nn.Module:
    """Every layer with weights refuses to go backward."""
    net = network()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(no_way_back)
    return net


def with_nan_weight() -> nn.Module:
    """One weight of the first convolution is NaN."""
    net = network()
    first = next(p for p in net.parameters() if p.ndim == 4)
    first.data[0, 0, 0, 0] = float("nan")
    return net


def with_logits(change: Callable[[Tensor], Tensor]) -> nn.Module:
    """The network with other logits.

    Args:
        change: what they become.
    """
    net = network()
    net.get_submodule("classifier").register_forward_hook(lambda module, args, out: change(out))
    return net


def disconnected() -> nn.Module:
    """No path leads from the input to the output."""
    return network("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")


def worn() -> Network:
    """Mixed training flags and frozen parameters, gradients, hooks, moved running statistics."""
    net = network()
    with torch.no_grad():
        net(images(3))
    for number, module in enumerate(net.modules()):
        module.training = number % 3 == 0
    for number, parameter in enumerate(net.parameters()):
        parameter.requires_grad_(number % 4 != 1)
        parameter.grad = torch.full_like(parameter, number) if number % 5 else None
    net.register_forward_hook(lambda module, args, out: None)
    net.get_submodule("classifier").register_forward_pre_hook(lambda module, args: None)
    return net
