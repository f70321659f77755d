"""The search space NAS-Bench-101 and its networks.

    stem -> N cells (C) -> max pooling -> N cells (2C) -> max pooling -> N cells (4C)
         -> global average pooling -> classifier

A cell begins every path with a 1x1 projection of its input and concatenates its end. Every
convolution is conv-BN-ReLU without bias, so cells end in a ReLU unless they end in a max pooling;
the input of a vertex is the sum of its sources, cut to its own width.
Reference: Ying et al., "NAS-Bench-101", ICML 2019.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, combinations

import torch
from numpy.random import Generator
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported
from untrained.spaces import Architecture, Network, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import PooledNetwork, conv_bn
from untrained.spaces.framework.product_space import variations
from untrained.spaces.nasbench101.cell import (
    MAX_EDGES,
    MAX_VERTICES,
    OPERATIONS,
    Cell,
    Edge,
    Wiring,
    in_normal_order,
    leads_to,
    pruned,
    vertex_channels,
    wirings,
)


class ConvBNReLU(nn.Sequential):
    """Convolution without bias that keeps the size, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        """An odd kernel."""
        super().__init__(*conv_bn(channels_in, channels_out, kernel), nn.ReLU())


def _operation(operation: int, channels: int) -> nn.Module:
    if operation == 2:
        return nn.MaxPool2d(3, 1, padding=1)
    return ConvBNReLU(channels, channels, (3, 1)[operation])


class CellModule(nn.Module):
    """One cell; `projections` are named by the vertex they lead to."""

    def __init__(self, cell: Cell, channels_in: int, channels_out: int) -> None:
        """Make the modules of the vertices and of the edges that leave the input."""
        super().__init__()
        self.cell = cell
        self.widths = (channels_in, *vertex_channels(cell, channels_out), channels_out)
        self.projections = nn.ModuleDict(
            {
                str(target): ConvBNReLU(channels_in, self.widths[target], 1)
                for source, target in sorted(cell.edges)
                if source == 0
            }
        )
        self.operations = nn.ModuleList(
            _operation(operation, self.widths[vertex])
            for vertex, operation in enumerate(cell.operations, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H, W)."""
        vertices = [x]
        for vertex, operation in enumerate(self.operations, start=1):
            inputs = [v[:, : self.widths[vertex]] for v in self._sources(vertices, vertex)]
            inputs += self._projected(x, vertex)
            vertices.append(operation(sum(inputs[1:], start=inputs[0])))
        joined = self._sources(vertices, self.cell.output)
        outputs = [torch.cat(joined, dim=1)] if joined else []
        outputs += self._projected(x, self.cell.output)
        return sum(outputs[1:], start=outputs[0])

    def _sources(self, vertices: list[Tensor], target: int) -> list[Tensor]:
        """The inner vertices that lead to one."""
        return [v for s, v in enumerate(vertices) if s > 0 and (s, target) in self.cell.edges]

    def _projected(self, x: Tensor, target: int) -> list[Tensor]:
        """The input's projection to a vertex, if there is an edge."""
        return [self.projections[str(target)](x)] if (0, target) in self.cell.edges else []


class NASBench101Network(PooledNetwork):
    """The macro skeleton around one cell."""

    def __init__(self, cell: Cell, size: NetworkSize) -> None:
        """Build and initialise.

        Convolutions are drawn from N(0, 2 / (k^2 C_out)), the classifier from N(0, 0.01^2) with a
        zero bias: the initialisation of the PyTorch networks that published scores of this
        benchmark were measured on (Mellor et al. 2021; Li et al. 2021). The benchmark's own
        training started from a truncated normal of variance 1 / (k^2 C_in).

        Args:
            cell: pruned, its vertices in the order that divides channels.
            size: its channels, C, are the width of the stem and of the first of three stacks.
        """
        super().__init__()
        self.stem = ConvBNReLU(size.in_channels, size.channels, 3)
        self.cells = nn.ModuleList()
        self.cells_per_stack = size.cells
        before = size.channels
        for stack in range(3):
            width = size.channels * 2**stack
            for _ in range(size.cells):
                self.cells.append(CellModule(cell, before, width))
                before = width
        self.downsample = nn.MaxPool2d(2)
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, size.num_classes)
        self._draw_fan_out()

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps: C at full, 2C at half, 4C at a quarter of the resolution.

        They are what a stack ends with; there is no activation between them and what follows.
        """
        maps: list[Tensor] = []
        x = self.stem(x)
        for place, cell in enumerate(self.cells):
            if place and place % self.cells_per_stack == 0:
                maps.append(x)
                x = self.downsample(x)
            x = cell(x)
        return [*maps, x]


FORM = "operations:triangle, such as 012:1110001101"
KERNELS = (3, 1, None)
"""Kernel size of each operation; None: no weights."""


def format_cell(cell: Cell) -> str:
    """The notation of a cell, its vertices in the order that it has."""
    return _notation(cell.operations, _triangle(cell.edges, cell.num_vertices))


def _notation(operations: tuple[int, ...], triangle: str) -> str:
    return f"{''.join(map(str, operations))}:{triangle}"


def _triangle(edges: frozenset[Edge], num_vertices: int) -> str:
    return "".join("01"[pair in edges] for pair in combinations(range(num_vertices), 2))


class NASBench101(SearchSpace):
    """All 423,624 cells of NAS-Bench-101.

    An architecture is a cell up to isomorphism, as in the benchmark. Every text of a cell is
    understood, also with vertices that lie on no path (they are left out), and becomes the text
    of the order that the benchmark itself has (`in_normal_order`); its network is built from that
    order, which decides where channels that cannot be divided evenly go.
    """

    name = "nasbench101"
    title = "NAS-Bench-101"
    reference = "Ying et al., ICML 2019"
    size = 423_624
    own_size = "channels=128, cells=3, in_channels=3"

    def cell(self, arch: str | Architecture) -> Cell:
        """The cell, pruned and in normal order.

        Raises:
            MalformedInput: the text denotes no cell of the space.
        """
        text = self._text_of(arch)
        cell = pruned(_read(text))
        if cell is None:
            raise _malformed(text, "no path leads from the input to the output")
        if len(cell.edges) > MAX_EDGES:
            raise _malformed(
                text, f"it has {len(cell.edges)} edges on paths, the space has {MAX_EDGES} at most"
            )
        return in_normal_order(cell)

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`; all isomorphic cells give the same architecture."""
        return self._make(self.cell(arch))

    def __iter__(self) -> Iterator[Architecture]:
        """All 423,624 in the order in which the benchmark's generator meets them.

        By number of vertices, then edges as a binary number, then operations.
        """
        for wiring in self._wirings:
            triangle = _triangle(wiring.edges, wiring.num_vertices)
            for choice in wiring.choices:
                yield Architecture(self.name, _notation(choice, triangle))

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, drawn uniformly from all 423,624."""
        position = int(rng.integers(self.size))
        index = bisect_right(self._starts, position) - 1
        wiring = self._wirings[index]
        choice = wiring.choices[position - self._starts[index]]
        return self._make(Cell(choice, wiring.edges))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures one change away, isomorphic ones once.

        A change is another operation at one vertex; an edge added or taken away such that all
        vertices stay on a path; or a vertex with one edge in and one out added or taken away.
        """
        here = self.cell(arch)
        changed = (*_other_operations(here), *_other_edges(here), *_other_vertices(here))
        found = dict.fromkeys(in_normal_order(cell) for cell in changed)
        found.pop(here, None)
        return [self._make(cell) for cell in found]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        return NASBench101Network(self._shared(arch, size), size)

    def _num_parameters(self, arch: str | Architecture, size: NetworkSize) -> int:
        """Count trainable parameters in closed form.

        A k x k block from a to b channels has k^2 ab + 2b (convolution, batch norm): one for each
        vertex that convolves, and a 1 x 1 for each edge that leaves the input.
        """
        cell = self._shared(arch, size)
        before = size.channels
        total = 9 * size.in_channels * before + 2 * before
        for width in (before, 2 * before, 4 * before):
            inner = dict(enumerate(vertex_channels(cell, width), start=1))
            blocks = [(KERNELS[op], inner[v]) for v, op in enumerate(cell.operations, start=1)]
            own = sum(k * k * c * c + 2 * c for k, c in blocks if k is not None)
            fed = [{**inner, cell.output: width}[t] for s, t in cell.edges if s == 0]
            for _ in range(size.cells):
                total += own + sum(before * c + 2 * c for c in fed)
                before = width
        return total + (before + 1) * size.num_classes

    def _shared(self, arch: str | Architecture, size: NetworkSize) -> Cell:
        """Return the cell.

        Raises:
            Unsupported: there are fewer channels than vertices to share them.
        """
        cell = self.cell(arch)
        sharing = sum(source > 0 and target == cell.output for source, target in cell.edges)
        if size.channels < sharing:
            raise Unsupported(
                f"cannot build a {self.title} network with channels={size.channels!r}: {sharing} "
                f"vertices of {format_cell(cell)!r} share the channels of the output. Give at "
                "least 4 channels, which suffice for every cell."
            )
        return cell

    def _make(self, cell: Cell) -> Architecture:
        return Architecture(self.name, format_cell(cell))

    @cached_property
    def _wirings(self) -> tuple[Wiring, ...]:
        return tuple(wirings())

    @cached_property
    def _starts(self) -> list[int]:
        """For each wiring the place of its first cell in the iteration order."""
        return [0, *accumulate(len(wiring.choices) for wiring in self._wirings[:-1])]


def _other_operations(cell: Cell) -> Iterator[Cell]:
    for changed in variations(cell.operations, range(len(OPERATIONS))):
        yield Cell(changed, cell.edges)


def _other_edges(cell: Cell) -> Iterator[Cell]:
    for source in range(cell.output):
        for target in range(1, cell.num_vertices):
            edge = {(source, target)}
            if edge <= cell.edges:
                left = Cell(cell.operations, cell.edges - edge)
                if pruned(left) == left:
                    yield left
            elif len(cell.edges) < MAX_EDGES and not leads_to(cell, target, source):
                yield Cell(cell.operations, cell.edges | edge)


def _other_vertices(cell: Cell) -> Iterator[Cell]:
    for vertex in range(1, cell.output):
        around = {edge for edge in cell.edges if vertex in edge}
        left = pruned(Cell(cell.operations, cell.edges - around))
        # one edge in, one out, and nothing else falls off with them
        if len(around) == 2 and left is not None and left.num_vertices == cell.num_vertices - 1:
            yield left
    if cell.num_vertices == MAX_VERTICES or len(cell.edges) + 2 > MAX_EDGES:
        return
    new, output = cell.output, cell.output + 1
    edges = {(s, output if t == cell.output else t) for s, t in cell.edges}
    for source in range(new):
        for target in (*range(1, new), output):
            if source != target and not leads_to(cell, min(target, cell.output), source):
                for operation in range(len(OPERATIONS)):
                    path = {(source, new), (new, target)}
                    yield Cell((*cell.operations, operation), frozenset(edges | path))


def _read(text: str) -> Cell:
    """The cell as it is written."""
    digits, colon, triangle = "".join(text.split()).partition(":")
    if not colon:
        raise _malformed(text, "there is no ':' between operations and triangle")
    if len(digits) > MAX_VERTICES - 2:
        raise _malformed(
            text, f"it has {len(digits)} inner vertices, the space has {MAX_VERTICES - 2} at most"
        )
    for place, digit in enumerate(digits, start=1):
        if digit not in ("0", "1", "2"):
            raise _malformed(text, f"the operation of vertex {place} is {digit!r}")
    num_vertices = len(digits) + 2
    pairs = list(combinations(range(num_vertices), 2))
    if len(triangle) != len(pairs):
        raise _malformed(
            text,
            f"its triangle has {len(triangle)} entries, with {len(digits)} inner vertices it "
            f"needs {len(pairs)}",
        )
    for (source, target), entry in zip(pairs, triangle, strict=True):
        if entry not in ("0", "1"):
            raise _malformed(text, f"the entry of the edge {source}>{target} is {entry!r}")
    edges = frozenset(pair for pair, entry in zip(pairs, triangle, strict=True) if entry == "1")
    return Cell(tuple(map(int, digits)), edges)


def _malformed(text: str, reason: str) -> MalformedInput:
    operations = ", ".join(f"{digit} {name}" for digit, name in enumerate(OPERATIONS))
    return MalformedInput(
        f"{text!r} is not a NAS-Bench-101 architecture: {reason} (write {FORM}: "
        f"for each inner vertex {operations}; then 0 or 1 for each edge, row by row)"
    )


register_space(NASBench101())
