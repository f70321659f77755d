"""Networks of images and of sequences, and the size they are built in."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from untrained.foundation import Unsupported


def fastest_layout(network: nn.Module) -> torch.memory_format:
    """Return the memory layout in which a network runs fastest and safely where it is.

    On a CPU convolutions and batch norms are faster in channels_last, and no network here reads
    memory in another order. On a GPU single precision gains nothing by it, and batch norm takes a
    mode that is less exact. The exception on a CPU works around a fault of oneDNN 3.12: where there
    is AVX2 and not AVX-512, the weight gradient of a strided 1 x 1 convolution of fewer than 8
    channels in channels_last writes past its buffer and ends the process.
    """
    if any(parameter.device.type != "cpu" for parameter in network.parameters()):
        return torch.contiguous_format
    if torch.backends.cpu.get_cpu_capability() == "AVX2" and any(
        isinstance(layer, nn.Conv2d)
        and set(layer.kernel_size) == {1}
        and max(layer.stride) > 1
        and min(layer.in_channels, layer.out_channels) < 8
        for layer in network.modules()
    ):
        return torch.contiguous_format
    return torch.channels_last


class _NothingDrawn(TorchFunctionMode):
    """Leaves out what fills a weight: without storage, torch would load its compiler for that."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init" or func in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


_DRAWS = {Tensor.normal_, Tensor.uniform_, Tensor.fill_, Tensor.zero_}


@contextmanager
def without_storage() -> Iterator[None]:
    """Inside, networks are built of shapes alone."""
    with torch.device("meta"), _NothingDrawn():
        yield


class Network(nn.Module):
    """An untrained network of a search space.

    All three methods run the network's modules through their hooks, so a measurement may listen
    to any of them; each runs the whole path up to what it returns.
    """

    @property
    def memory_format(self) -> torch.memory_format:
        """Return the layout that a measurement gives its inputs: see `fastest_layout`."""
        chosen: torch.memory_format | None = self.__dict__.get("_memory_format")
        return fastest_layout(self) if chosen is None else chosen

    @memory_format.setter
    def memory_format(self, layout: torch.memory_format) -> None:
        self.__dict__["_memory_format"] = layout

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, num_classes), of images (batch, in_channels, height, width)."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """The map that is pooled into the classifier's input: (batch, channels, height, width)."""

    @abstractmethod
    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each spatial reduction and after the last cell, in depth order.

        Taken before the activation that the next block begins with.
        """


class IsotropicNetwork(Network):
    """A network that keeps one resolution after its stem, and so has one stage."""


def conv_bn(
    channels_in: int, channels_out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without bias that keeps the size but for its stride, and its batch norm."""
    pad = kernel // 2
    return [
        nn.Conv2d(channels_in, channels_out, kernel, stride, pad, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
    ]


def maps_behind(cells: Iterable[nn.Module], x: Tensor, ends: Collection[int]) -> list[Tensor]:
    """Run cells one after the other; return the maps behind those of some numbers, from 1."""
    maps = []
    for number, cell in enumerate(cells, start=1):
        x = cell(x)
        if number in ends:
            maps.append(x)
    return maps


class PooledNetwork(Network):
    """A network that averages its features over all places and classifies the averages.

    A subclass makes both modules; the order in which modules are made is that of their weights.
    """

    global_pooling: nn.Module
    classifier: nn.Linear
    behind: ClassVar[str] = ""
    """Name of the module between the last stage and the pooling; empty: there is none."""

    def _draw_fan_out(self) -> None:
        """Draw convolutions from N(0, 2 / (k^2 C_out)), the classifier from N(0, 0.01^2)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def features(self, x: Tensor) -> Tensor:
        """The last stage, (batch, channels, H, W), after what is behind it."""
        last = self.stages(x)[-1]
        return getattr(self, self.behind)(last) if self.behind else last

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, height, width)."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out


WRITTEN_CHANNELS, WRITTEN_CELLS = 16, 5
"""The `channels` and `cells` at which widths and depths are as an architecture's text has them.

They are the numbers of a protocol that says nothing else."""
AS_WRITTEN = f"channels={WRITTEN_CHANNELS}, cells={WRITTEN_CELLS} for widths and depths as written"
Stem = Literal["cifar", "imagenet", "written"]


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """The checked arguments of `SearchSpace.build`."""

    num_classes: int
    channels: int
    """Width of the first stage, or what scales the widths of the text."""
    cells: int
    """Cells of a stage, or what scales the depths of the text."""
    in_channels: int = 3
    stem: Stem = "cifar"

    def width(self, written: int) -> int:
        """Scale a width by channels / 16: rounded half up, at least 1."""
        return scaled(written, self.channels, WRITTEN_CHANNELS)

    def depth(self, written: int) -> int:
        """Scale a depth by cells / 5: rounded half up, at least 1."""
        return scaled(written, self.cells, WRITTEN_CELLS)


def scaled(number: int, by: int, of: int) -> int:
    """Multiply a number by a ratio: rounded half up, at least 1."""
    return max(1, (2 * number * by + of) // (2 * of))


class MaplessNetwork(Network):
    """An untrained network that reads no images and has no maps.

    Given images, each of its methods says that it does not exist for them, so that scores of
    images are unsupported and those of the weights alone are as for any network.
    """

    @property
    @abstractmethod
    def reads(self) -> str:
        """Say what the network is and reads, for messages."""

    def features(self, x: Tensor) -> Tensor:
        """There is no map.

        Raises:
            Unsupported: always.
        """
        self._refuse("the map before the classifier was asked for")

    def stages(self, x: Tensor) -> list[Tensor]:
        """There are no maps.

        Raises:
            Unsupported: always.
        """
        self._refuse("the maps of its stages were asked for")

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(f"{what}, but the network is {self.reads}")


class WordNetwork(MaplessNetwork):
    """An untrained network that reads words, whole numbers from 0."""

    axes: ClassVar[str] = "(batch, time)"
    """Of the words."""

    @property
    def reads(self) -> str:
        """Say that the network reads words."""
        return (
            f"a language model, which reads words {self.axes} and has no maps; choose scores of "
            "weights or of networks of words"
        )

    @abstractmethod
    def logits(self, words: Tensor) -> Tensor:
        """Logits of words: (B, classes) of words (B, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits of words.

        Raises:
            Unsupported: the input is not words.
        """
        if x.dim() != 2 or x.is_floating_point() or x.is_complex():
            self._refuse(f"a tensor {tuple(x.shape)} of {x.dtype} was given")
        return self.logits(x)


class NodeNetwork(MaplessNetwork):
    """An untrained network that reads the nodes of a graph; a sample of a batch is a node."""

    joins_samples: ClassVar[bool] = True
    """A node's logits depend on other nodes: scores of single samples' passes do not exist."""
    num_inputs: int
    """Features of a node."""

    @property
    def reads(self) -> str:
        """Say that the network reads nodes."""
        return (
            f"one of graphs, which reads nodes (nodes, {self.num_inputs} features) and has no "
            "maps; choose a data set of nodes, such as cora, or scores of weights"
        )

    @abstractmethod
    def logits(self, nodes: Tensor) -> Tensor:
        """Logits (nodes, classes) of nodes (nodes, features)."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits of nodes.

        Raises:
            Unsupported: the input is not nodes.
        """
        if x.dim() != 2 or x.shape[1] != self.num_inputs or not x.is_floating_point():
            self._refuse(f"a tensor {tuple(x.shape)} of {x.dtype} was given")
        return self.logits(x)


class RecurrentNetwork(WordNetwork):
    """An untrained recurrent language model of a search space."""

    axes = "(time, batch)"
    embedding_size: int
    """The width of a time step, before the first recurrent layer."""

    @abstractmethod
    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, embedding_size) -> (T, B, outputs), from a hidden state of zeros."""

    @abstractmethod
    def logits(self, words: Tensor) -> Tensor:
        """Logits (T, B, num_words) of the next word, of words (T, B), whole numbers from 0."""
