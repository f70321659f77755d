"""Edges and operations of a supernet, its parts, and the architecture that weights stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, suggest
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
        """The layout in which a node reads all inputs and all nodes before it."""
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
        """The text of the operations of each edge; an edge without any is left out."""
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
        """The architecture of the largest weights (edges, operations).

        Every edge takes its operation of the largest weight, the first of equal ones. Where nodes
        keep some of their edges (DARTS), `none` is not chosen, and those edges stay whose largest
        weight is largest, again the first of equal ones.

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


@dataclass(frozen=True, slots=True)
class OperationMask:
    """The operations that each edge may still have, in the order of the layout.

    Its text is the notation of the space with several operations an edge, `|a,b~0|`; an edge
    without operations is left out of it. An architecture is the mask with one operation an edge.
    """

    layout: SupernetLayout
    edges: tuple[tuple[str, ...], ...]
    """Operations by edge; empty: the edge is gone."""

    @classmethod
    def full(cls, layout: SupernetLayout, *, without: Collection[str] = ()) -> OperationMask:
        """All operations on all edges, but for some."""
        left = tuple(name for name in layout.operations if name not in without)
        return cls(layout, (left,) * len(layout.edges))

    @classmethod
    def parse(cls, layout: SupernetLayout, text: str | Architecture) -> OperationMask:
        """The mask that a text or an architecture denotes.

        Args:
            text: white space and the order of operations and edges do not matter.

        Raises:
            MalformedInput: it denotes none; the message names the place.
        """
        if isinstance(text, Architecture):
            if text.space != layout.space:
                raise MalformedInput(
                    f"a mask of {layout.space!r} was asked for, but the architecture "
                    f"{text.text!r} belongs to {text.space!r}; use that space's supernet"
                )
            text = text.text
        cells = "".join(text.split()).split(";")
        if len(cells) != len(layout.cells):
            reason = f"it has {len(cells)} cells, separated by ';', instead of {len(layout.cells)}"
            raise _malformed(layout, text, reason)
        found: list[tuple[str, ...]] = [()] * len(layout.edges)
        for number, cell in enumerate(cells):
            for edge, operations in _cell(layout, text, cell, number):
                found[edge] = operations
        for places in layout.nodes():
            missing = [e for e in places if not found[e]]
            if layout.inputs_per_node is None and missing:
                reason = f"the edge {layout.name_of(missing[0])} has no operation"
                raise _malformed(layout, text, reason)
        return cls(layout, tuple(found))

    @property
    def text(self) -> str:
        """The notation of the space, with several operations an edge."""
        return self.layout.format(self.edges)

    def __str__(self) -> str:
        """The text."""
        return self.text

    @property
    def num_operations(self) -> int:
        """How many operations are left, all edges together."""
        return sum(map(len, self.edges))

    def weights(self) -> NDArray[np.float64]:
        """Architecture weights (edges, operations): 1 / k for each of the k left on an edge."""
        left = np.array(
            [[float(name in edge) for name in self.layout.operations] for edge in self.edges]
        )
        weights: NDArray[np.float64] = left / np.maximum(left.sum(1, keepdims=True), 1)
        return weights

    def architecture(self) -> Architecture:
        """The first of the architectures that are left, by `SupernetLayout.derive`."""
        return self.layout.derive(self.weights())

    def without(self, edge: int, operation: str | None = None) -> OperationMask:
        """The mask without one operation of an edge.

        Args:
            operation: which one; None: all of them, so that the edge is gone.
        """
        left = tuple(name for name in self.edges[edge] if operation not in (None, name))
        return OperationMask(self.layout, (*self.edges[:edge], left, *self.edges[edge + 1 :]))


def _cell(
    layout: SupernetLayout, text: str, cell: str, number: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The edges of a cell that the text names, with their operations."""
    places = [p for p in layout.nodes() if layout.edges[p[0]].cell == number]
    of = f" of the {layout.cells[number]} cell" if len(layout.cells) > 1 else ""
    nodes = cell.split("+")
    if len(nodes) != len(places):
        raise _malformed(
            layout,
            text,
            f"it has {len(nodes)} nodes{of}, separated by '+', instead of {len(places)}",
        )
    for node, edges in zip(nodes, places, strict=True):
        where = f"node {layout.edges[edges[0]].target}{of}"
        if len(node) < 3 or node[0] != "|" or node[-1] != "|":
            raise _malformed(layout, text, f"{where} is {node!r}, expected |op,...~source|...|")
        by_source = {str(layout.edges[e].source): e for e in edges}
        for entry in node[1:-1].split("|"):
            names, mark, source = entry.rpartition("~")
            if not mark or source not in by_source:
                raise _malformed(
                    layout,
                    text,
                    f"an edge of {where} is {entry!r}; a source occurs once and is one of "
                    f"0 to {len(edges) - 1}",
                )
            yield by_source.pop(source), _operations(layout, text, names, f"source {source}")


def _operations(layout: SupernetLayout, text: str, names: str, where: str) -> tuple[str, ...]:
    given = names.split(",")
    for name in given:
        if name not in layout.operations:
            near = suggest(name, layout.operations)
            raise _malformed(layout, text, f"{where} has the operation {name!r}; {near}")
    if len(set(given)) != len(given):
        raise _malformed(layout, text, f"{where} has an operation twice: {names!r}")
    return tuple(name for name in layout.operations if name in given)


def _malformed(layout: SupernetLayout, text: str, reason: str) -> MalformedInput:
    example = OperationMask.full(layout, without=layout.operations[2:]).text
    return MalformedInput(
        f"{text!r} is no part of the supernet of {layout.space!r}: {reason} (write {example}, "
        f"each edge with some of {', '.join(layout.operations)})"
    )
