"""The supernet of NAS-Bench-201: the whole network or the thin one, all operations on each edge."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from untrained.spaces.framework.network import Network
from untrained.spaces.framework.search_space import Architecture
from untrained.spaces.framework.supernet import EdgeWeights, MixedEdge
from untrained.spaces.framework.supernet_layout import SupernetLayout
from untrained.spaces.framework.supernet_mask import OperationMask
from untrained.spaces.nasbench201.network import Cell, Zero, make_operation
from untrained.spaces.nasbench201.notations import EDGES
from untrained.spaces.nasbench201.space import LAYOUT, NASBench201, Operations

_LAYER = re.compile(r"(cells\.\d+\.layers\.(\d+))\.")


@dataclass(frozen=True, slots=True)
class NASBench201Parts:
    """See `SupernetParts`."""

    space: NASBench201
    build: Callable[[Operations], Network]
    """The network of a cell: whole or thin, of the supernet's size."""

    @property
    def layout(self) -> SupernetLayout:
        """Six edges, five operations."""
        return LAYOUT

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """See `SupernetParts.mixed`."""
        network = self.build(("none",) * len(EDGES))
        for cell in network.modules():
            if isinstance(cell, Cell):
                cell.layers = nn.ModuleList(
                    _edge(mask, number, cell.channels, weights) for number in range(len(EDGES))
                )
        return network

    def single(self, arch: str | Architecture) -> Network:
        """See `SupernetParts.single`."""
        return self.build(self.space.operations(arch))

    def owner(self, arch: str | Architecture, network: Network) -> Callable[[str], str]:
        """See `SupernetParts.owner`."""
        operations = self.space.operations(arch)
        return lambda name: _LAYER.sub(
            lambda found: f"{found[1]}.operations.{operations[int(found[2])]}.", name
        )


def _edge(mask: OperationMask, edge: int, channels: int, weights: EdgeWeights) -> MixedEdge:
    operations = {
        place: (name, make_operation(name, channels))
        for place, name in enumerate(LAYOUT.operations)
        if name in mask.edges[edge]
    }
    return MixedEdge(operations, Zero(), edge, weights)
