"""All graphs of NAS-Bench-101 up to isomorphism, without their operations.

Each is the normal order (see `nasbench101_cell`) of a graph in which every vertex lies on a path
from input to output: 2,494 of them. What distinguishes a cell beyond its wiring is a choice of
operations, of which those are dropped that a symmetry of the wiring maps to a smaller choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from untrained.spaces.nasbench101.cell import (
    MAX_EDGES,
    MAX_VERTICES,
    OPERATIONS,
    Edge,
    edge_bit,
    edges_of,
)

Choice = tuple[int, ...]
"""The operation of each inner vertex."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """One graph and its symmetries."""

    num_vertices: int
    number: int
    """Its edges, see `edge_bit`."""
    symmetries: tuple[tuple[int, ...], ...]
    """Orders of the inner vertices, counted from 0, that leave the graph as it is; without the
    one that moves nothing."""

    def choices(self) -> Iterator[Choice]:
        """The operations that make different cells of it, in lexicographic order."""
        for choice in product(range(len(OPERATIONS)), repeat=self.num_vertices - 2):
            if all(tuple(choice[i] for i in order) >= choice for order in self.symmetries):
                yield choice

    @property
    def edges(self) -> frozenset[Edge]:
        """Its edges as pairs."""
        return edges_of(self.number, self.num_vertices)

    @property
    def num_choices(self) -> int:
        """How many there are."""
        if not self.symmetries:
            count: int = len(OPERATIONS) ** (self.num_vertices - 2)
            return count
        return sum(1 for _ in self.choices())


def wirings() -> Iterator[Wiring]:
    """All graphs in the order of (number of vertices, `Wiring.number`)."""
    for num_vertices in range(2, MAX_VERTICES + 1):
        numbers = _connected(num_vertices)
        smallest = np.ones(len(numbers), dtype=bool)
        symmetries: dict[int, list[tuple[int, ...]]] = {}
        inner = tuple(range(num_vertices - 2))
        for order in permutations(inner):
            if order == inner:
                continue
            other, forward = _reordered(numbers, num_vertices, order)
            smallest &= ~forward | (other >= numbers)
            for index in np.flatnonzero(forward & (other == numbers)):
                symmetries.setdefault(int(index), []).append(order)
        for index in np.flatnonzero(smallest):
            found = tuple(symmetries.get(int(index), ()))
            yield Wiring(num_vertices, int(numbers[index]), found)


def _connected(num_vertices: int) -> NDArray[np.int64]:
    """All graphs whose edges lead forward, are few enough, and enter and leave every vertex."""
    numbers = np.arange(2 ** edge_bit(0, num_vertices), dtype=np.int64)
    num_edges = sum(numbers >> place & 1 for place in range(edge_bit(0, num_vertices)))
    wanted = num_edges <= MAX_EDGES
    for vertex in range(num_vertices):
        out = sum(1 << edge_bit(vertex, target) for target in range(vertex + 1, num_vertices))
        into = sum(1 << edge_bit(source, vertex) for source in range(vertex))
        for mask in (out, into):
            if mask:
                wanted &= numbers & mask != 0
    return numbers[wanted]


def _reordered(
    numbers: NDArray[np.int64], num_vertices: int, order: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The graphs with their inner vertices in another order, and whether edges still lead forward.

    Where they do not, the number means nothing.
    """
    place = [0] * num_vertices
    for index, vertex in enumerate((-1, *order, num_vertices - 2)):
        place[vertex + 1] = index
    moved = np.zeros_like(numbers)
    forward = np.ones(len(numbers), dtype=bool)
    for target in range(num_vertices):
        for source in range(target):
            edge = numbers >> edge_bit(source, target) & 1
            if place[source] < place[target]:
                moved |= edge << edge_bit(place[source], place[target])
            else:
                forward &= edge == 0
    return moved, forward
