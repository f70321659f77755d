"""The supernet of the DARTS space: the whole network or the thin one, all operations on each edge.

A node reads both inputs and all nodes before it: 14 edges a cell, those of the normal cells before
those of the reduction cells. All cells of a kind share the architecture weights, not the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from untrained.spaces.darts.genotype import CellGenotype, Genotype
from untrained.spaces.darts.network import Cell
from untrained.spaces.darts.operations import Zero, make_operation
from untrained.spaces.darts.space import CONCAT, DARTS, LAYOUT, NUM_NODES
from untrained.spaces.framework.network import Network
from untrained.spaces.framework.search_space import Architecture
from untrained.spaces.framework.supernet import EdgeWeights, MixedEdge
from untrained.spaces.framework.supernet_layout import SupernetLayout
from untrained.spaces.framework.supernet_mask import OperationMask

_EDGE = re.compile(r"(cells\.(\d+)\.edges)\.(\d+)\.")
_EMPTY = CellGenotype(((("none", 0), ("none", 1)),) * NUM_NODES, CONCAT)


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

    space: DARTS
    build: Callable[[Genotype], Network]
    """The network of a genotype: whole or thin, of the supernet's size."""
    pooling_norm: bool = False
    """Whether a batch norm without weights follows every pooling, as in the one-shot networks of
    DARTS and what came after it; the networks inside, which have none, then differ by it."""

    @property
    def layout(self) -> SupernetLayout:
        """28 edges, eight operations."""
        return LAYOUT

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """See `SupernetParts.mixed`."""
        network = self.build(Genotype(_EMPTY, _EMPTY))
        cells = network.get_submodule("cells")
        for name, cell in list(cells.named_children()):
            assert isinstance(cell, Cell)
            setattr(cells, name, MixedCell(cell, mask, weights, pooling_norm=self.pooling_norm))
        return network

    def single(self, arch: str | Architecture) -> Network:
        """See `SupernetParts.single`."""
        return self.build(self.space.genotype(arch))

    def owner(self, arch: str | Architecture, network: Network) -> Callable[[str], str]:
        """See `SupernetParts.owner`."""
        mask = OperationMask.parse(LAYOUT, self.space.parse(arch))
        half = len(LAYOUT.edges) // len(LAYOUT.cells)
        chosen = [
            [(place, names[0]) for place, names in enumerate(edges) if names]
            for edges in (mask.edges[:half], mask.edges[half:])
        ]
        kinds = [
            int(cell.reduction)
            for cell in network.get_submodule("cells").children()
            if isinstance(cell, Cell)
        ]

        def named(found: re.Match[str]) -> str:
            place, operation = chosen[kinds[int(found[2])]][int(found[3])]
            return f"{found[1]}.{place}.operations.{operation}."

        return lambda name: _EDGE.sub(named, name)
