"""The notation of NAS-Bench-Graph, `0112:gcn,gin,fc,cheb`, and its normal form.

Four nodes have one input and one operation each: the digits are the inputs, 0 the features and k
the k-th node. Nodes that no other reads are the output.
Reference: Qin et al., "NAS-Bench-Graph", NeurIPS 2022.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""In the order of the benchmark; `graph` is k-GNN, `fc` looks at no neighbour."""
SKIP = OPERATIONS.index("skip")
LINKS = (
    *((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3)),
    *((0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3)),
)
"""The inputs of the nodes, one tuple for each tree of four nodes."""
_TEXT = re.compile("([0-3]{4}):([a-z]+),([a-z]+),([a-z]+),([a-z]+)", re.ASCII)


class Tree(NamedTuple):
    """A node with all that reads it; the order is that of siblings in the normal form."""

    size: int
    """Minus the number of its nodes."""
    operation: int
    readers: tuple[Tree, ...]


def tree(operation: int, readers: Sequence[Tree]) -> Tree:
    """Make a node; its readers come in their order."""
    return Tree(sum(one.size for one in readers) - 1, operation, tuple(sorted(readers)))


def trees(inputs: Sequence[int], operations: Sequence[int], node: int = 0) -> list[Tree]:
    """Return all that reads a node, 0 being the features."""
    return [
        tree(operations[place], trees(inputs, operations, place + 1))
        for place, source in enumerate(inputs)
        if source == node
    ]


def normal(forest: Sequence[Tree]) -> list[Tree]:
    """Move skips to the beginning, one reading the other, where their place makes no difference.

    Such are skips that something reads or that stand alone, and those of the features themselves;
    a skip beside others is an output of its own. The benchmark trains one network of those that
    differ in this.
    """
    moved, kept = _without_skips(forest, of_features=True)
    for _ in range(moved):
        kept = [tree(SKIP, kept)]
    return kept


def _without_skips(forest: Sequence[Tree], *, of_features: bool) -> tuple[int, list[Tree]]:
    """Count the skips that can be moved, and return the forest without them."""
    flat = list(_passed_on(forest))
    moved = sum(-one.size for one in forest) - sum(-one.size for one in flat)
    kept = []
    for one in flat:
        if one.operation == SKIP and (of_features or len(flat) == 1):
            moved += 1
        elif one.operation == SKIP:
            kept.append(one)
        else:
            count, readers = _without_skips(one.readers, of_features=False)
            moved += count
            kept.append(tree(one.operation, readers))
    return moved, kept


def _passed_on(forest: Sequence[Tree]) -> Iterator[Tree]:
    """Give what reads a skip in its place."""
    for one in forest:
        if one.operation == SKIP and one.readers:
            yield from _passed_on(one.readers)
        else:
            yield one


def numbered(forest: Sequence[Tree]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return inputs and operations of the nodes, by distance from the features."""
    inputs: list[int] = []
    operations: list[int] = []
    waiting = [(0, one) for one in sorted(forest)]
    for source, one in waiting:  # which grows
        inputs.append(source)
        operations.append(one.operation)
        waiting += [(len(inputs), reader) for reader in one.readers]
    return tuple(inputs), tuple(operations)


@cache
def _places(inputs: tuple[int, ...]) -> tuple[list[bool], list[bool], list[list[tuple[int, int]]]]:
    """Return whether a node is read, whether it is alone, and what comes in order.

    The last are pairs of places, one list for each two neighbours of one shape among siblings.
    """
    below = [[k for k, source in enumerate(inputs) if source == node] for node in range(5)]
    ordered = [
        list(zip((one, *below[one + 1]), (other, *below[other + 1]), strict=True))
        for siblings in below
        for one, other in pairwise(siblings)
        if len(below[one + 1]) == len(below[other + 1])
    ]
    return [bool(some) for some in below[1:]], [len(below[k]) == 1 for k in inputs], ordered


def is_normal(inputs: tuple[int, ...], operations: Sequence[int]) -> bool:
    """Whether inputs of `LINKS` and operations are in normal form, told without making it."""
    is_read, alone, ordered = _places(inputs)
    only_skips = [True]
    for place, operation in enumerate(operations):
        of_features = only_skips[inputs[place]]
        only_skips.append(of_features and operation == SKIP)
        if operation == SKIP and not (is_read[place] is alone[place] is of_features):
            return False
    if all(only_skips):
        return False
    return all(
        [operations[one] for one, _ in pairs] <= [operations[other] for _, other in pairs]
        for pairs in ordered
    )


def write(inputs: Sequence[int], operations: Sequence[int]) -> str:
    """Write the text."""
    names = ",".join(OPERATIONS[one] for one in operations)
    return f"{''.join(map(str, inputs))}:{names}"


def read(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read inputs and operations of a text, in normal form.

    Raises:
        ValueError: the text is none; the message says why.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError("it is not four inputs, a colon and four operations")
    inputs = tuple(map(int, found[1]))
    if any(source > place for place, source in enumerate(inputs)):
        raise ValueError("a node reads a later one or itself")
    strange = [name for name in found.groups()[1:] if name not in OPERATIONS]
    if strange:
        raise ValueError(f"{strange[0]!r} is not one of {', '.join(OPERATIONS)}")
    operations = tuple(map(OPERATIONS.index, found.groups()[1:]))
    if set(operations) == {SKIP}:
        raise ValueError("it has no operation but skip")
    return numbered(normal(trees(inputs, operations)))
