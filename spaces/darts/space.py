"""The search space of DARTS cells, and its supernet.

The supernet is the whole network or the thin one with all operations on each edge. A node reads
both inputs and all nodes before it: 14 edges a cell, those of the normal cells before those of the
reduction cells. All cells of a kind share the architecture weights, not the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from types import MappingProxyType
from typing import ClassVar

import torch
from numpy.random import Generator
from torch import Tensor, nn

from untrained.foundation import MalformedInput, suggest
from untrained.spaces import Architecture, Network, NetworkSize, register_space
from untrained.spaces.darts.configuration import genotype_of_object, parse_configuration
from untrained.spaces.darts.genotype import (
    CellGenotype,
    Edge,
    Genotype,
    Node,
    find_genotypes,
    first_order,
    format_genotype,
    is_dead,
    parse_genotype,
    sorted_edges,
    sorted_node,
)
from untrained.spaces.darts.network import (
    DARTS_OPERATIONS,
    Cell,
    CellNetwork,
    CellPairNetwork,
    CellThinNetwork,
    Zero,
    make_operation,
    reduction_layers,
)
from untrained.spaces.framework.network import Stem
from untrained.spaces.framework.product_space import pick
from untrained.spaces.framework.search_space import StemSpace
from untrained.spaces.framework.supernet import EdgeWeights, MixedEdge, Supernet
from untrained.spaces.framework.supernet_layout import OperationMask, SupernetLayout

OPERATIONS = (*DARTS_OPERATIONS, "none")
"""Those that a text may have: `none` occurs in trained populations, but is never drawn."""
NUM_NODES = 4
CONCAT = (2, 3, 4, 5)
LAYOUT = SupernetLayout.dense(
    "darts",
    cells=("normal", "reduction"),
    inputs=2,
    nodes=NUM_NODES,
    operations=OPERATIONS,
    inputs_per_node=2,
    least_cells=2,
)
"""Of the supernet: 14 edges a cell, those of the normal cell first."""
FORM = "normal;reduction, each four nodes joined by '+', each node |op~input|op~input|"
_GENOTYPE = re.compile(r"\s*(?:\w+\.)*Genotype\(")
# bounded: of a long text every place is tried
_NODES = r"\|[\w|~]{1,200}\|(?:\+\|[\w|~]{1,200}\|){1,20}"
_PAIR = re.compile(f"{_NODES};{_NODES}")
BENCHMARK_CELLS = 8
"""Cells of the networks that NAS-Bench-301 trained, at 32 channels."""
_EMPTY = CellGenotype(((("none", 0), ("none", 1)),) * NUM_NODES, CONCAT)


def format_darts(genotype: Genotype) -> str:
    """The notation of the space; every node of a cell is taken to be concatenated."""
    return ";".join(
        "+".join("|" + "|".join(f"{op}~{source}" for op, source in node) + "|" for node in c.nodes)
        for c in genotype.cells.values()
    )


class MixedCell(nn.Module):
    """A cell in which every node sums mixed edges from all that come before it."""

    def __init__(
        self, cell: Cell, mask: OperationMask, weights: EdgeWeights, *, pooling_norm: bool = False
    ) -> None:
        """Take the two layers at the inputs of a cell, and make the edges.

        Args:
            mask: which operations to make; an edge without any is left out.
            pooling_norm: see `DARTSParts`.
        """
        super().__init__()
        self.preprocess0 = cell.preprocess0
        self.preprocess1 = cell.preprocess1
        kind = int(cell.reduction)
        first = kind * len(LAYOUT.edges) // len(LAYOUT.cells)
        self.edges = nn.ModuleDict()
        self._edges: list[tuple[str, int, int]] = []
        for number, edge in enumerate(LAYOUT.edges):
            if edge.cell != kind or not mask.edges[number]:
                continue
            stride = 2 if cell.reduction and edge.source < 2 else 1
            operations = {
                place: (name, _operation(name, cell.channels, stride, norm=pooling_norm))
                for place, name in enumerate(LAYOUT.operations)
                if name in mask.edges[number]
            }
            key = str(number - first)
            self.edges[key] = MixedEdge(operations, Zero(stride), number, weights)
            self._edges.append((key, edge.source, edge.target))

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """(batch, channels x 4, H / stride, W / stride)."""
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        for node in CONCAT:
            inputs = [
                self.edges[key](states[source])
                for key, source, target in self._edges
                if target == node
            ]
            states.append(sum(inputs[1:], start=inputs[0]))
        return torch.cat([states[node] for node in CONCAT], dim=1)


def _operation(name: str, channels: int, stride: int, *, norm: bool) -> nn.Module:
    operation = make_operation(name, channels, stride)
    if norm and "pool" in name:
        return nn.Sequential(operation, nn.BatchNorm2d(channels, affine=False))
    return operation


@dataclass(frozen=True, slots=True)
class DARTSParts:
    """See `SupernetParts`."""

    build: Callable[[Genotype], Network]
    """The network of a genotype: whole or thin, of the supernet's size."""
    pooling_norm: bool = False
    """Whether a batch norm without weights follows every pooling, as in the one-shot networks of
    DARTS and what came after it; the networks inside, which have none, then differ by it."""

    layout = LAYOUT

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """See `SupernetParts.mixed`."""
        network = self.build(Genotype(_EMPTY, _EMPTY))
        cells = network.get_submodule("cells")
        for name, cell in list(cells.named_children()):
            assert isinstance(cell, Cell)
            setattr(cells, name, MixedCell(cell, mask, weights, pooling_norm=self.pooling_norm))
        return network


class DARTS(StemSpace):
    """About 10^18 pairs of cells: 180 x 7^8 = 1,037,664,180 for each of the two.

    Those are the cells that can be drawn: seven operations, two different inputs a node. A text
    may also have the operation `none` and the same input twice, as trained populations have.
    """

    name = "darts"
    title = "DARTS"
    reference = "Liu et al., ICLR 2019"
    size = None
    own_size = "channels=32, cells=8, in_channels=3 on CIFAR-10"
    least_cells = 3

    def genotype(self, arch: str | Architecture) -> Genotype:
        """Both cells.

        Args:
            arch: an architecture, its notation, or a Python text `Genotype(normal=[...], ...)`
                with four nodes a cell, all of them concatenated; a configuration of
                NAS-Bench-301 as text; or one of the objects of `genotype_of_object`.

        Raises:
            MalformedInput: the text denotes none.
        """
        text = self._text_of(arch)
        if _GENOTYPE.match(text):
            found = parse_genotype(text, OPERATIONS)
            for cell in found.cells.values():
                if len(cell.nodes) != NUM_NODES or cell.concat != CONCAT:
                    raise _malformed(
                        text, f"a cell has {len(cell.nodes)} nodes and concatenates {cell.concat}"
                    )
            return sorted_edges(found)
        if text.lstrip().startswith("{"):
            return parse_configuration(text)
        cells = "".join(text.split()).split(";")
        if len(cells) != 2:
            raise _malformed(text, f"it has {len(cells)} cells, separated by ';', instead of 2")
        normal, reduction = (
            _cell(text, cell, name)
            for cell, name in zip(cells, ("normal", "reduction"), strict=True)
        )
        return Genotype(normal, reduction)

    def _text_of_object(self, item: object) -> str:
        """Take genotypes and configurations; see `genotype_of_object`."""
        found = genotype_of_object(item, OPERATIONS)
        return super()._text_of_object(item) if found is None else format_genotype(found)

    def find(self, text: str) -> list[str]:
        """Return the parts of a text that are calls of Genotype or pairs of cells."""
        return [*find_genotypes(text), *_PAIR.findall(text)]

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`; the edges of a node are sorted."""
        return self.architecture(self.genotype(arch))

    def architecture(self, genotype: Genotype) -> Architecture:
        """The architecture of a genotype of this space."""
        return Architecture(self.name, format_darts(genotype))

    def genotype_text(self, arch: str | Architecture) -> str:
        """Write both cells as papers and DARTS's training code have them."""
        return format_genotype(self.genotype(arch))

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, drawn uniformly: two different inputs a node, seven operations."""
        return self.architecture(Genotype(_draw(rng), _draw(rng)))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with another operation on one edge, or another input of one edge.

        120 for an architecture that can be drawn: in each cell 8 x 6 operations and 12 inputs. One
        with `none` or an input twice has only such neighbours as have one of them less, or not
        one more.
        """
        here = self.genotype(arch)
        changed = [
            *(Genotype(cell, here.reduction) for cell in _changed(here.normal)),
            *(Genotype(here.normal, cell) for cell in _changed(here.reduction)),
        ]
        found = dict.fromkeys(self.architecture(genotype) for genotype in changed)
        found.pop(self.architecture(here), None)
        return list(found)

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The smallest of the architectures that differ in the numbering of their nodes alone."""
        here = self.genotype(arch)
        return self.architecture(Genotype(first_order(here.normal), first_order(here.reduction)))

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether `none` cuts every path through the benchmark's eight cells."""
        return is_dead(self.genotype(arch), reduction_layers(BENCHMARK_CELLS), BENCHMARK_CELLS)

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build, without auxiliary head; the stem has 3C channels, C those of the first cells.

        NAS-Bench-301 trained C = 32 and 8 cells, DARTS 36 and 20 on CIFAR-10, 48 and 14 on
        ImageNet; all cells are counted together, and of L the L // 3 and 2L // 3 reduce.
        """
        return CellNetwork(self.genotype(arch), size)

    def build_thin(
        self, arch: str | Architecture, *, num_classes: int, channels: int = 1
    ) -> Network:
        """See `SearchSpace.build_thin`: one cell of each kind, batch norm, ReLU, classifier."""
        size = self.network_size(num_classes=num_classes, channels=channels)
        return CellThinNetwork(self.genotype(arch), size)

    @property
    def supernet_layout(self) -> SupernetLayout:
        """See `SearchSpace.supernet_layout`: 28 edges, seven operations and `none`."""
        return LAYOUT

    one_shot_options: ClassVar[Mapping[str, bool]] = MappingProxyType({"pooling_norm": True})

    def supernet(
        self,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int = 3,
        stem: Stem = "cifar",
        pooling_norm: bool = False,
    ) -> Supernet:
        """See `SearchSpace.supernet`.

        Args:
            cells: all cells together; see `build`, of whose networks three cells are the fewest
                with both kinds among them. Two cells are `CellPairNetwork`, which TE-NAS prunes:
                one of each kind, batch norm and ReLU before the pooling, and a narrow stem.
            stem: `cifar` or `imagenet`.
            pooling_norm: whether a batch norm follows every pooling; see `DARTSParts`.

        Raises:
            MalformedInput: as `build`.
        """
        size = self.network_size(
            num_classes=num_classes,
            channels=channels,
            cells=cells,
            in_channels=in_channels,
            stem=stem,
        )
        network = CellPairNetwork if cells == 2 and stem == "cifar" else CellNetwork
        return Supernet(DARTSParts(partial(network, size=size), pooling_norm))

    def thin_supernet(self, *, num_classes: int, channels: int = 1) -> Supernet:
        """See `SearchSpace.thin_supernet`: one cell of each kind, batch norm, ReLU, classifier."""
        size = self.network_size(num_classes=num_classes, channels=channels)
        return Supernet(DARTSParts(partial(CellThinNetwork, size=size)))


def _draw(rng: Generator) -> CellGenotype:
    nodes = []
    for node in CONCAT:
        a, b = pick(list(combinations(range(node), 2)), rng)
        first, second = (DARTS_OPERATIONS[int(i)] for i in rng.integers(7, size=2))
        nodes.append(sorted_node((first, a), (second, b)))
    return CellGenotype(tuple(nodes), CONCAT)


def _changed(cell: CellGenotype) -> Iterator[CellGenotype]:
    """The cell with one edge changed."""
    for place, node in enumerate(cell.nodes):
        for changed in _changed_nodes(node, place + 2):
            yield CellGenotype((*cell.nodes[:place], changed, *cell.nodes[place + 1 :]), CONCAT)


def _changed_nodes(node: Node, number: int) -> Iterator[Node]:
    for (operation, source), other in (node, node[::-1]):
        for another in DARTS_OPERATIONS:
            if another != operation:
                yield sorted_node((another, source), other)
        for another_source in range(number):
            if another_source not in (source, other[1]):
                yield sorted_node((operation, another_source), other)


def _cell(text: str, cell: str, name: str) -> CellGenotype:
    nodes = cell.split("+")
    if len(nodes) != NUM_NODES:
        raise _malformed(
            text,
            f"the {name} cell has {len(nodes)} nodes, separated by '+', instead of {NUM_NODES}",
        )
    found = (
        _node(text, node, number, f"node {number} of the {name} cell")
        for number, node in enumerate(nodes, start=2)
    )
    return CellGenotype(tuple(found), CONCAT)


def _node(text: str, node: str, number: int, where: str) -> Node:
    if len(node) < 2 or node[0] != "|" or node[-1] != "|":
        raise _malformed(text, f"{where} is {node!r}, which '|' does not open and close")
    entries = node[1:-1].split("|")
    if len(entries) != 2:
        raise _malformed(text, f"{where} is {node!r} with {len(entries)} inputs instead of 2")
    edges: list[Edge] = []
    for entry in entries:
        operation, mark, source = entry.rpartition("~")
        if not mark or source not in ["0", "1", "2", "3", "4"][:number]:
            raise _malformed(
                text,
                f"an edge of {where} is {entry!r}, expected 'op~input' with an input of 0 to "
                f"{number - 1}",
            )
        if operation not in OPERATIONS:
            raise _malformed(
                text,
                f"an edge of {where} has the operation {operation!r}; "
                f"{suggest(operation, OPERATIONS)}",
            )
        edges.append((operation, int(source)))
    return sorted_node(*edges)


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a DARTS architecture: {reason} "
        f"(write {FORM}, sources numbered from 0, with op one of {', '.join(OPERATIONS)})"
    )


register_space(DARTS())
