"""Which edges and operations a supernet has, and which architecture its weights stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput
from untrained.spaces.framework.search_space import Architecture


@dataclass(frozen=True, slots=True, order=True)
class SupernetEdge:
    """An edge of one of the cells."""

    cell: int
    """Place in `SupernetLayout.cells`."""
    target: int
    """The node that sums it."""
    source: int
    """The node or input that it reads."""


@dataclass(frozen=True, slots=True)
class SupernetLayout:
    """The axes of a supernet's architecture weights, (edges, operations).

    A text lists the cells, separated by `;`, of each its nodes, separated by `+`, and of each node
    its edges, `|op~source|op~source|`: the notation of the space.
    """

    space: str
    """Registered name of the search space."""
    cells: tuple[str, ...]
    """Name of each kind of cell."""
    edges: tuple[SupernetEdge, ...]
    """Sorted."""
    operations: tuple[str, ...]
    inputs_per_node: int | None
    """How many edges of a node an architecture keeps; None: all of them, with `none` among the
    operations that it may choose."""
    least_cells: int
    """The `cells` of the smallest network in which every kind of cell occurs."""

    @classmethod
    def dense(
        cls,
        space: str,
        *,
        cells: tuple[str, ...],
        inputs: int,
        nodes: int,
        operations: tuple[str, ...],
        inputs_per_node: int | None,
        least_cells: int,
    ) -> SupernetLayout:
        """The layout in which a node reads all inputs and all nodes before it.

        Args:
            inputs_per_node: how many edges of a node an architecture keeps; None: all.
            least_cells: `cells` of the smallest network with every kind of cell.
        """
        edges = tuple(
            SupernetEdge(cell, target, source)
            for cell in range(len(cells))
            for target in range(inputs, inputs + nodes)
            for source in range(target)
        )
        return cls(space, cells, edges, operations, inputs_per_node, least_cells)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the architecture weights: edges, operations."""
        return len(self.edges), len(self.operations)

    def nodes(self) -> list[list[int]]:
        """The places of the edges of each node, cell by cell."""
        by_node = groupby(
            range(len(self.edges)), lambda e: (self.edges[e].cell, self.edges[e].target)
        )
        return [list(places) for _, places in by_node]

    def name_of(self, edge: int) -> str:
        """An edge as a message shows it: `reduction 0>3`."""
        here = self.edges[edge]
        cell = f"{self.cells[here.cell]} " if len(self.cells) > 1 else ""
        return f"{cell}{here.source}>{here.target}"

    def format(self, edges: Iterable[Sequence[str]]) -> str:
        """The text of what each edge has.

        Args:
            edges: the operations of each edge; an edge without any is left out.
        """
        entries = [
            f"{','.join(operations)}~{edge.source}" if operations else ""
            for edge, operations in zip(self.edges, edges, strict=True)
        ]
        cells: list[list[str]] = [[] for _ in self.cells]
        for places in self.nodes():
            kept = [entries[e] for e in places if entries[e]]
            cells[self.edges[places[0]].cell].append(f"|{'|'.join(kept)}|")
        return ";".join("+".join(nodes) for nodes in cells)

    def derive(self, weights: NDArray[np.float64]) -> Architecture:
        """The architecture of the largest weights.

        Every edge takes its operation of the largest weight, the first of equal ones. Where nodes
        keep some of their edges (DARTS), `none` is not chosen, and those edges stay whose largest
        weight is largest, again the first of equal ones.

        Args:
            weights: (edges, operations).

        Raises:
            MalformedInput: another shape, or a NaN.
        """
        values = np.array(weights, dtype=np.float64)
        if values.shape != self.shape or np.isnan(values).any():
            raise MalformedInput(
                f"architecture weights of {self.space!r} are numbers of shape {self.shape} "
                f"(edges, operations), but these have the shape {values.shape} and "
                f"{int(np.isnan(values).sum())} NaN"
            )
        keep = self.inputs_per_node
        if keep is not None and "none" in self.operations:
            values[:, self.operations.index("none")] = -np.inf
        best, height = values.argmax(1), values.max(1)
        chosen: list[tuple[str, ...]] = [(self.operations[int(o)],) for o in best]
        if keep is not None:
            for places in self.nodes():
                order = sorted(places, key=lambda e: (-height[e], e))
                for e in order[keep:]:
                    chosen[e] = ()
        return Architecture(self.space, self.format(chosen))
