"""NAS-Bench-101 cells as graphs: pruning, normal order, the benchmark's hash, widths of vertices.

A cell is a directed acyclic graph of at most 7 vertices and 9 edges. Vertex 0 is the input, the
last one the output; the others carry an operation.
Reference: Ying et al., "NAS-Bench-101", ICML 2019, and the benchmark's released code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""The operations; the notation writes their place in this list."""
MAX_VERTICES = 7
"""Input and output included."""
MAX_EDGES = 9

Edge = tuple[int, int]
"""Source and target."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A graph with labelled inner vertices."""

    operations: tuple[int, ...]
    """Of the vertices 1, 2, ...: places in `OPERATIONS`."""
    edges: frozenset[Edge]

    @property
    def num_vertices(self) -> int:
        """Input and output included."""
        return len(self.operations) + 2

    @property
    def output(self) -> int:
        """The last vertex."""
        return len(self.operations) + 1


def edge_bit(source: int, target: int) -> int:
    """The place of an edge in a graph's number, whatever the number of vertices."""
    return source + target * (target - 1) // 2


def pruned(cell: Cell) -> Cell | None:
    """The cell without the vertices on no path from input to output; None: there is no path."""
    after = _reached(0, cell.edges)
    before = _reached(cell.output, [(target, source) for source, target in cell.edges])
    if cell.output not in after:
        return None
    kept = sorted(after & before)
    place = {vertex: index for index, vertex in enumerate(kept)}
    return Cell(
        tuple(cell.operations[vertex - 1] for vertex in kept[1:-1]),
        frozenset((place[s], place[t]) for s, t in cell.edges if s in place and t in place),
    )


def _reached(start: int, edges: Iterable[Edge]) -> set[int]:
    reached = {start}
    left = set(edges)
    while step := {edge for edge in left if edge[0] in reached}:
        reached.update(target for _, target in step)
        left -= step
    return reached


def leads_to(cell: Cell, source: int, target: int) -> bool:
    """Whether a path leads from one vertex to another; each vertex leads to itself."""
    return target in _reached(source, cell.edges)


def in_normal_order(cell: Cell) -> Cell:
    """The same cell with its inner vertices in the order that stands for all isomorphic cells.

    It is the order that the benchmark's generator met first: of all orders in which every edge
    leads forward, the one whose edges, read as a binary number (`edge_bit`), give the smallest;
    among equals, the one with the smallest operations.
    """
    edges, orders = _first_orders(cell.edges, cell.output)
    return Cell(min(tuple(cell.operations[v - 1] for v in order) for order in orders), edges)


@lru_cache(maxsize=1 << 13)
def _first_orders(
    edges: frozenset[Edge], output: int
) -> tuple[frozenset[Edge], tuple[tuple[int, ...], ...]]:
    """The edges of a graph in its first order, and all orders of the inner vertices that give them.

    At most 5! orders are tried. The cells of the space share 2,494 graphs.
    """
    best: int | None = None
    found: list[tuple[int, ...]] = []
    for order in permutations(range(1, output)):
        place = {0: 0, output: output}
        place.update((vertex, index) for index, vertex in enumerate(order, start=1))
        number = 0
        for source, target in edges:
            if place[source] >= place[target]:
                break
            number |= 1 << edge_bit(place[source], place[target])
        else:
            if best is None or number < best:
                best, found = number, []
            if number == best:
                found.append(order)
    assert best is not None  # the graph has no cycle
    return edges_of(best, output + 1), tuple(found)


def edges_of(number: int, num_vertices: int) -> frozenset[Edge]:
    """The edges that a graph's number stands for."""
    return frozenset(
        (source, target)
        for target in range(num_vertices)
        for source in range(target)
        if number >> edge_bit(source, target) & 1
    )


def graph_hash(cell: Cell) -> str:
    """The benchmark's own key of a pruned cell, the same for all isomorphic ones.

    Every vertex starts with the MD5 of its out-degree, in-degree and label (input -1, output -2),
    and takes in the sorted hashes of its two neighbourhoods as many times as there are vertices;
    the key is the MD5 of all of them, sorted.

    Reference: the iterative hashing of the paper's supplement; the texts that are hashed are those
    of the released files.
    """
    vertices = range(cell.num_vertices)
    sources = [[s for s in vertices if (s, v) in cell.edges] for v in vertices]
    targets = [[t for t in vertices if (v, t) in cell.edges] for v in vertices]
    labels = (-1, *cell.operations, -2)
    hashes = [_md5(str((len(targets[v]), len(sources[v]), labels[v]))) for v in vertices]
    for _ in vertices:
        hashes = [
            _md5("|".join((_sorted(hashes, sources[v]), _sorted(hashes, targets[v]), hashes[v])))
            for v in vertices
        ]
    return _md5(str(sorted(hashes)))


def _sorted(hashes: Sequence[str], vertices: Iterable[int]) -> str:
    return "".join(sorted(hashes[vertex] for vertex in vertices))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def vertex_channels(cell: Cell, width: int) -> tuple[int, ...]:
    """Channels of each inner vertex of a pruned cell whose output has `width`.

    The output concatenates: its sources share the width, the remainder goes one each to the first
    of them. Another vertex is as wide as the widest that it feeds.

    Reference: the benchmark's released code, which the table's parameter counts confirm.
    """
    joined = [v for v in range(1, cell.output) if (v, cell.output) in cell.edges]
    channels = dict.fromkeys(range(1, cell.output), 0)
    for rank, vertex in enumerate(joined):
        channels[vertex] = width // len(joined) + (rank < width % len(joined))
    for vertex in reversed(range(1, cell.output)):
        if vertex not in joined:
            channels[vertex] = max(channels[t] for s, t in cell.edges if s == vertex)
    return tuple(channels.values())


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

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The operations that make different cells of it, in lexicographic order."""
        return _choices(self.num_vertices - 2, self.symmetries)

    @property
    def edges(self) -> frozenset[Edge]:
        """Its edges as pairs."""
        return edges_of(self.number, self.num_vertices)


@cache
def _choices(num_inner: int, symmetries: tuple[tuple[int, ...], ...]) -> tuple[Choice, ...]:
    return tuple(
        choice
        for choice in product(range(len(OPERATIONS)), repeat=num_inner)
        if all(tuple(choice[i] for i in order) >= choice for order in symmetries)
    )


def wirings() -> Iterator[Wiring]:
    """Enumerate all graphs up to isomorphism in the order of (number of vertices, `Wiring.number`).

    Each is the normal order of a graph in which every vertex lies on a path from input to output:
    2,494 of them. What distinguishes a cell beyond its wiring is a choice of operations, of which
    those are dropped that a symmetry of the wiring maps to a smaller choice.
    """
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
