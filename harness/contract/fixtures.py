"""Networks and batches that the checks use."""

from __future__ import annotations

import copy
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from untrained.spaces import Architecture, Network, SearchSpace, spaces
from untrained.spaces.framework.network import NodeNetwork, RecurrentNetwork, WordNetwork


class Size(TypedDict):
    """Arguments of `SearchSpace.build`."""

    num_classes: int
    channels: int
    cells: int


SMALL: Size = {"num_classes": 5, "channels": 4, "cells": 1}
SIDE = 64  # large enough for every space's reductions


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Architecture]:
    """Sample architectures from one generator."""
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def built(space: SearchSpace, arch: Architecture | str) -> Network:
    """Build the small network of an architecture."""
    return space.build(arch, **SMALL)


Inputs = Literal["images", "words in time", "words", "nodes"]


@cache
def inputs_of(space: SearchSpace) -> Inputs:
    """Return what a space's networks read: images, words (time, batch) or (batch, time), nodes."""
    network = built(space, drawn(space, 1)[0])
    if isinstance(network, RecurrentNetwork):
        return "words in time"
    if isinstance(network, NodeNetwork):
        return "nodes"
    return "words" if isinstance(network, WordNetwork) else "images"


def noise(*shape: int) -> Tensor:
    """Draw standard normal numbers in float32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def words(num_words: int = 5) -> Tensor:
    """Make three sequences of four words, (4, 3)."""
    return torch.arange(12).reshape(4, 3) % num_words


ARCHITECTURE = (
    "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
)
"""Of NAS-Bench-201, with each of its operations."""
NUM_CLASSES = 5
BATCH_SIZE = 10
PIXELS = 8
NUM_WORDS, NUM_SEQUENCES = 11, 3

Batches = tuple[tuple[Tensor, Tensor | None], ...]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random numbers of torch, numpy and Python inside; restore them outside."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 what is checked may draw from it
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def network(
    text: str = ARCHITECTURE, *, dtype: torch.dtype = torch.float64, seed: int = 0
) -> Network:
    """Build a network of NAS-Bench-201: one cell a stage, four channels, five classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the layers draw their weights from the global generator
        built = spaces["nasbench201"].build(text, num_classes=NUM_CLASSES, channels=4, cells=1)
    return built.to(dtype)


def thin_network(seed: int = 0) -> Network:
    """Build the network of one cell that counts of linear regions look at; float64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return spaces["nasbench201"].build_thin(ARCHITECTURE, num_classes=NUM_CLASSES).double()


def plain_network(*, cell: str = "cell") -> nn.Module:
    """Build convolutions, batch norm and ReLU without stages, a part named `cell`; float64."""
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
    """Draw images of noise in float64, (size, 3, 8, 8)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, PIXELS, PIXELS, generator=generator, dtype=torch.float64)


def labels() -> Tensor:
    """Make the labels 0, 1, 2, 3, 4, 0, 1, ...: every class twice."""
    return torch.arange(BATCH_SIZE) % NUM_CLASSES


def batches() -> Batches:
    """Make two batches of images with labels, whose partitions differ, not their names alone."""
    return (images(0), labels()), (images(1), torch.arange(BATCH_SIZE) // 2)


def with_other_labels() -> Batches:
    """Make the same batches with their labels exchanged."""
    (x, y), (x2, y2) = batches()
    return (x, y2), (x2, y)


def replaced(kind: type[nn.Module], by: Callable[[], nn.Module]) -> nn.Module:
    """Build the network with another module in place of each of a kind."""
    net = network()
    for name, module in list(net.named_modules()):
        if isinstance(module, kind):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, by())
    return net


class _NoWayBack(torch.autograd.Function):
    """Identity without a gradient."""

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
    """Make the gradient of a layer fail; a forward hook."""
    result: Tensor = _NoWayBack.apply(out)  # type: ignore[no-untyped-call]
    return result


def without_gradients() -> nn.Module:
    """Build the network with layers whose gradients fail."""
    net = network()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(no_way_back)
    return net


def with_nan_weight() -> nn.Module:
    """Build the network with one weight NaN in the first convolution."""
    net = network()
    first = next(p for p in net.parameters() if p.ndim == 4)
    first.data[0, 0, 0, 0] = float("nan")
    return net


def with_logits(change: Callable[[Tensor], Tensor]) -> nn.Module:
    """Build the network with changed logits."""
    net = network()
    net.get_submodule("classifier").register_forward_hook(lambda module, args, out: change(out))
    return net


class CountedNetwork(nn.Module):
    """A network that counts its passes, and those of its copies."""

    def __init__(self) -> None:
        """Begin to count."""
        super().__init__()
        self.passes: Counter[str] = Counter()

    def __deepcopy__(self, memo: dict[int, object]) -> CountedNetwork:
        """Copy the network; passes of the copy are counted with those of the original."""
        memo[id(self.passes)] = self.passes
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def _counted(self, out: Tensor) -> Tensor:
        """Count a forward pass, and the backward pass when it comes by."""
        self.passes["forward"] += 1
        if out.requires_grad:
            out.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return out

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes["backward"] += 1


class Recurrent(CountedNetwork):
    """Three layers and a dropout, which no score may see; it counts its passes."""

    embedding_size = 7

    def __init__(self) -> None:
        """Draw the weights from torch's global generator."""
        super().__init__()
        self.embedding = nn.Embedding(NUM_WORDS, self.embedding_size)
        self.layers = nn.ModuleList(nn.LSTM(size, 6) for size in (self.embedding_size, 6, 6))
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(6, NUM_WORDS)

    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, 7) -> (T, B, 6)."""
        for layer in self.layers:
            x = layer(x)[0]
        return self._counted(self.dropout(x))

    def forward(self, x: Tensor) -> Tensor:
        """(T, B) words -> (T, B, words)."""
        out: Tensor = self.classifier(self.recurrent(self.embedding(x)))
        return out


def recurrent_network(dtype: torch.dtype = torch.float64) -> Recurrent:
    """Build the network of words that scores are taken of."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Recurrent().to(dtype)


class Attentive(CountedNetwork):
    """Patches and two layers of attention and feed-forward part, with dropout; it counts passes."""

    WIDTH, HEADS, HIDDEN = 6, 2, 10

    def __init__(self) -> None:
        """Draw the weights from torch's global generator."""
        super().__init__()
        self.patches = nn.Conv2d(3, self.WIDTH, 4, 4)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm": nn.LayerNorm(self.WIDTH),
                    "qkv": nn.Linear(self.WIDTH, 3 * self.WIDTH),
                    "projection": nn.Linear(self.WIDTH, self.WIDTH),
                    "norm2": nn.LayerNorm(self.WIDTH),
                    "enter": nn.Linear(self.WIDTH, self.HIDDEN),
                    "leave": nn.Linear(self.HIDDEN, self.WIDTH),
                }
            )
            for _ in range(2)
        )
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(self.WIDTH, NUM_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 8, 8) -> (B, classes)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            parts = layer["qkv"](layer["norm"](x)).chunk(3, -1)
            q, k, v = (p.reshape(*p.shape[:2], self.HEADS, -1).transpose(1, 2) for p in parts)
            chances = self.dropout((q @ k.transpose(-1, -2)).softmax(-1))
            x = x + layer["projection"]((chances @ v).transpose(1, 2).flatten(2))
            inner = nn.functional.gelu(layer["enter"](layer["norm2"](x)))
            x = x + layer["leave"](inner)
        return self._counted(self.classifier(x.mean(1)))


def attentive_network(dtype: torch.dtype = torch.float64, seed: int = 0) -> Attentive:
    """Build the network with attention that scores are taken of."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Attentive().to(dtype)


def sequences() -> Batches:
    """Make a batch of three sequences of four words; no labels."""
    return ((words(NUM_WORDS), None),)


def wear(net: nn.Module, x: Tensor) -> None:
    """Mix training flags, freeze parameters, set gradients and hooks, move running statistics."""
    with torch.no_grad():
        net(x)
    for number, module in enumerate(net.modules()):
        module.training = number % 3 == 0
    for number, parameter in enumerate(net.parameters()):
        parameter.requires_grad_(number % 4 != 1)
        parameter.grad = torch.full_like(parameter, number) if number % 5 else None
    net.register_forward_hook(lambda module, args, out: None)
    net.get_submodule("classifier").register_forward_pre_hook(lambda module, args: None)
