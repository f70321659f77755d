"""The two spaces of TransNAS-Bench-101 and their networks.

Macro: four to six modules of two residual blocks. The notation is `64-1234-basic`: width of the
stem, one digit a module (1 neither, 2 double the channels, 3 halve the resolution, 4 both), and the
kind of block, which is always the same.
Micro: a cell of six edges in five given modules, `64-41414-a_bc_def`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import product

import torch
from numpy.random import Generator
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import (
    Architecture,
    Network,
    NetworkSize,
    ProductSpace,
    SearchSpace,
    register_space,
)
from untrained.spaces.framework.network import PooledNetwork, conv_bn
from untrained.spaces.framework.product_space import variations
from untrained.spaces.nasbench201.function import REDUCTION, normal_form
from untrained.spaces.nasbench201.network import FourNodes, ReLUConvBN
from untrained.spaces.nasbench201.notations import EDGES

MakeBlock = Callable[[int, int, int], nn.Module]
"""A block from (channels in, channels out, stride)."""


class BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions; the shortcut is projected where the shape changes.

    The batch norm of the projection has epsilon 1 and momentum 1: the authors' code passes two
    switches in the places of these numbers, and the benchmark's networks were trained so.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Both convolutions begin with a ReLU, the projection has none."""
        super().__init__()
        self.conv_a = ReLUConvBN(channels_in, channels_out, 3, stride)
        self.conv_b = ReLUConvBN(channels_out, channels_out, 3)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out, eps=1.0, momentum=1.0),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        out: Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return out


class Zero(nn.Module):
    """The operation `none`, of the shape that the others have, and connected to its input."""

    def __init__(self, channels_out: int, stride: int) -> None:
        """Keep the shape of the output."""
        super().__init__()
        self.channels_out = channels_out
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros (batch, channels_out, H / stride, W / stride)."""
        thinned = x[:, :1, :: self.stride, :: self.stride] * 0
        return thinned.expand(-1, self.channels_out, -1, -1)


class FactorizedReduction(nn.Module):
    """The skip connection that changes the shape: two 1x1 convolutions on shifted grids."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """An even number of channels out."""
        super().__init__()
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels_in, channels_out // 2, 1, stride, bias=False) for _ in range(2)
        )
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: Tensor = self.bn(torch.cat([self.convs[0](x), self.convs[1](shifted)], dim=1))
        return out


def _edge(operation: int, channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if operation == 0:
        return Zero(channels_out, stride)
    if operation == 1:
        if stride == 1 and channels_in == channels_out:
            return nn.Identity()
        return FactorizedReduction(channels_in, channels_out, stride)
    return ReLUConvBN(channels_in, channels_out, {2: 1, 3: 3}[operation], stride)


class Cell(FourNodes):
    """Four nodes, six edges; those that leave the input change the shape."""

    def __init__(
        self, operations: Sequence[int], channels_in: int, channels_out: int, stride: int
    ) -> None:
        """Make the edges' modules from their digits, in the order 01, 02, 12, 03, 13, 23."""
        super().__init__()
        self.edges = nn.ModuleList(
            _edge(operation, channels_in, channels_out, stride)
            if source == 0
            else _edge(operation, channels_out, channels_out, 1)
            for operation, (source, _) in zip(operations, EDGES, strict=True)
        )

    def edge_modules(self) -> Sequence[nn.Module]:
        """The six edges."""
        return list(self.edges)


class TransNASBench101Network(PooledNetwork):
    """Stem, modules and classifier."""

    def __init__(self, modules: Sequence[int], block: MakeBlock, size: NetworkSize) -> None:
        """Build and initialise.

        Convolutions are drawn as the benchmark does, from N(0, 2 / (k^2 C_out)) (Kaiming, fan-out);
        the classifier keeps its layer's default.
        """
        super().__init__()
        channels, cells = size.channels, size.cells
        self.stem = nn.Sequential(
            *conv_bn(size.in_channels, channels // 2, 3, stride=2),
            ReLUConvBN(channels // 2, channels, 3, 2),
        )
        self.cells = nn.ModuleList()
        strides: list[int] = []
        width = channels
        for digit in modules:
            before, width = width, width if digit % 2 else 2 * width
            strides += [2 if digit > 2 else 1] + [1] * (cells - 1)
            self.cells.append(block(before, width, strides[-cells]))
            self.cells.extend(block(width, width, 1) for _ in range(cells - 1))
        self.strides = tuple(strides)
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, size.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each module that halves the resolution, and the last.

        The first may be the stem's, at a quarter of the resolution; none ends in an activation.
        """
        maps: list[Tensor] = []
        x = self.stem(x)
        for cell, stride in zip(self.cells, self.strides, strict=True):
            if stride > 1:
                maps.append(x)
            x = cell(x)
        return [*maps, x]


LENGTHS = (4, 5, 6)
"""Numbers of modules."""
KINDS = (1, 2, 3, 4)
HALVINGS = range(1, 5)
"""How often the resolution is halved."""
DOUBLINGS = range(1, 4)
"""How often the channels are doubled."""
MACRO_FORM = "64-modules-basic, such as 64-1234-basic"

Modules = tuple[int, ...]


class TransNASBench101Macro(SearchSpace):
    """All 3,256 networks."""

    name = "transnasbench101_macro"
    title = "TransNAS-Bench-101 macro"
    reference = "Duan et al., CVPR 2021"
    size = 3256
    version = 2
    own_size = "channels=64, cells=2, in_channels=3"
    least_channels = 2  # the stem begins with half of them

    def modules(self, arch: str | Architecture) -> Modules:
        """The digit of each module.

        Raises:
            MalformedInput: the text denotes no network of the space.
        """
        text = self._text_of(arch)
        parts = "".join(text.split()).split("-")
        if len(parts) != 3 or parts[0] != "64" or parts[2] != "basic":
            raise _malformed_macro(text, "it is not a '64', modules and 'basic', joined by '-'")
        for place, digit in enumerate(parts[1], start=1):
            if digit not in ("1", "2", "3", "4"):
                raise _malformed_macro(text, f"module {place} is {digit!r}")
        modules = tuple(map(int, parts[1]))
        reason = _outside(modules)
        if reason:
            raise _malformed_macro(text, reason)
        return modules

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.modules(arch))

    def __iter__(self) -> Iterator[Architecture]:
        """All 3,256, shorter networks first, otherwise in lexicographic order."""
        for length in LENGTHS:
            for modules in product(KINDS, repeat=length):
                if not _outside(modules):
                    yield self._make(modules)

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, drawn uniformly from all 3,256."""
        return self._members[int(rng.integers(self.size))]

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with one module of another kind, or one module more or less."""
        here = self.modules(arch)
        changed = [*variations(here, KINDS)]
        changed += [(*here[:place], *here[place + 1 :]) for place in range(len(here))]
        changed += [
            (*here[:place], kind, *here[place:]) for place in range(len(here) + 1) for kind in KINDS
        ]
        found = dict.fromkeys(modules for modules in changed if not _outside(modules))
        return [self._make(modules) for modules in found]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels override the 64 of the text."""
        return TransNASBench101Network(self.modules(arch), BasicBlock, size)

    def _make(self, modules: Sequence[int]) -> Architecture:
        return Architecture(self.name, f"64-{''.join(map(str, modules))}-basic")

    @cached_property
    def _members(self) -> tuple[Architecture, ...]:
        return tuple(self)


def _outside(modules: Modules) -> str:
    """Why there is no such network; empty if there is."""
    if len(modules) not in LENGTHS:
        return f"it has {len(modules)} modules, not {LENGTHS[0]} to {LENGTHS[-1]}"
    halvings = sum(kind in (3, 4) for kind in modules)
    if halvings not in HALVINGS:
        return f"it halves the resolution {halvings} times, not 1 to 4 times"
    doublings = sum(kind in (2, 4) for kind in modules)
    if doublings not in DOUBLINGS:
        return f"it doubles the channels {doublings} times, not 1 to 3 times"
    return ""


def _malformed_macro(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a TransNAS-Bench-101 macro architecture: {reason} (write {MACRO_FORM}: "
        "4 to 6 modules, 1 neither, 2 double the channels, 3 halve the resolution, 4 both)"
    )


register_space(TransNASBench101Macro())


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""The operations in the order of their digits."""
MODULES = (4, 1, 4, 1, 4)
"""The kinds of the modules."""
MICRO_FORM = "64-41414-a_bc_def"
_PATTERN = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")
_NUM_EDGES = 6


class TransNASBench101Micro(ProductSpace):
    """All 4,096 cells."""

    name = "transnasbench101_micro"
    title = "TransNAS-Bench-101 micro"
    reference = "Duan et al., CVPR 2021"
    size = len(OPERATIONS) ** _NUM_EDGES
    own_size = "channels=64, cells=2, in_channels=3"
    least_channels = 2  # the stem begins with half of them
    choices = (len(OPERATIONS),) * _NUM_EDGES

    def operations(self, arch: str | Architecture) -> tuple[int, ...]:
        """The digit of each edge, in the order 01, 02, 12, 03, 13, 23.

        Raises:
            MalformedInput: the text is not of the form of the notation.
        """
        text = self._text_of(arch)
        found = _PATTERN.fullmatch("".join(text.split()))
        if found is None:
            raise _malformed_micro(text)
        return tuple(map(int, found.groups()))

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return self.operations(arch)

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, "64-41414-{}_{}{}_{}{}{}".format(*chosen))

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The first architecture, in iteration order, that computes the same function.

        Decided by the normal forms of `nasbench201.function`: both of the cell that keeps the shape
        and of the one that changes it, where a skip connection from the input has weights.
        """
        return self._first_of(self._classes, self.operations(arch))

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether no path of live operations leads from input to output."""
        return not normal_form([OPERATIONS[i] for i in self.operations(arch)]).text

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels override the 64 of the text."""
        return TransNASBench101Network(MODULES, partial(Cell, self.operations(arch)), size)

    @cached_property
    def _classes(self) -> array[int]:
        return self._first_members(_function)


def _function(operations: Sequence[int]) -> tuple[str, str]:
    """The normal forms of the cell that keeps the shape and of the one that changes it."""
    names = [OPERATIONS[operation] for operation in operations]
    reducing = list(names)
    for edge in (0, 1, 3):  # those that leave the input
        if names[edge] == "skip_connect":
            reducing[edge] = REDUCTION
    return normal_form(names).text, normal_form(reducing).text


def _malformed_micro(text: str) -> MalformedInput:
    operations = ", ".join(f"{digit} {name}" for digit, name in enumerate(OPERATIONS))
    compact = "".join(text.split())
    if compact.startswith("64-41414-"):
        reason = f"its cell is {compact[len('64-41414-') :]!r}"
    else:
        reason = "it does not begin with '64-41414-'"
    return MalformedInput(
        f"{text!r} is not a TransNAS-Bench-101 micro architecture: {reason} (write {MICRO_FORM}, "
        f"with a digit for each edge 01, 02, 12, 03, 13, 23: {operations})"
    )


register_space(TransNASBench101Micro())
