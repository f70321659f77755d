"""What a network of two cells is made from: the genotype of the DARTS family of spaces.

A cell has two inputs, 0 (the cell before the last) and 1 (the last cell), and nodes 2, 3, ...;
a node is the sum of two edges, each an operation on an input or an earlier node. The cell's output
is the concatenation of some of its nodes.
Reference: Liu et al., "DARTS", ICLR 2019, section 2.1; Zoph et al., "NASNet", CVPR 2018.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from untrained.foundation import MalformedInput, suggest

FORM = (
    "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], "
    "reduce=[...], reduce_concat=[...])"
)
LONGEST = 20_000
"""Characters; every genotype of the literature has fewer than 2,000."""

Edge = tuple[str, int]
"""Operation, and the input or node that it reads."""
Node = tuple[Edge, Edge]


@dataclass(frozen=True, slots=True, order=True)
class CellGenotype:
    """One cell."""

    nodes: tuple[Node, ...]
    """Node k + 2 at place k."""
    concat: tuple[int, ...]
    """The nodes that make the output, ascending."""


@dataclass(frozen=True, slots=True, order=True)
class Genotype:
    """The cell that keeps the resolution and the one that halves it."""

    normal: CellGenotype
    reduction: CellGenotype

    @property
    def cells(self) -> dict[str, CellGenotype]:
        """Both by the names that texts give them."""
        return {"normal": self.normal, "reduce": self.reduction}


def sorted_node(first: Edge, second: Edge) -> Node:
    """The node with its edges in order of what they read, then of their operation."""
    a, b = sorted((first, second), key=lambda edge: (edge[1], edge[0]))
    return a, b


def sorted_edges(genotype: Genotype) -> Genotype:
    """The genotype with the edges of every node sorted."""
    normal, reduction = (
        CellGenotype(tuple(sorted_node(*node) for node in cell.nodes), cell.concat)
        for cell in genotype.cells.values()
    )
    return Genotype(normal, reduction)


def first_order(cell: CellGenotype) -> CellGenotype:
    """The smallest of the cells that are this one with its nodes numbered otherwise.

    Renumbering changes the order in which nodes are concatenated, and with it only the order of
    the input channels of the convolutions that read the cell.
    """
    # node by node, every choice of the nodes before that could still be the smallest
    nodes: list[Node] = []
    tied: list[dict[int, int]] = [{0: 0, 1: 1}]
    for new in range(2, len(cell.nodes) + 2):
        found: list[tuple[Node, dict[int, int]]] = []
        for place in tied:
            for old, ((one, a), (other, b)) in enumerate(cell.nodes, 2):
                if old not in place and a in place and b in place:
                    node = sorted_node((one, place[a]), (other, place[b]))
                    found.append((node, {**place, old: new}))
        nodes.append(min(node for node, _ in found))
        tied = [place for node, place in found if node == nodes[-1]]
    return CellGenotype(
        tuple(nodes), min(tuple(sorted(place[n] for n in cell.concat)) for place in tied)
    )


def is_dead(genotype: Genotype, reductions: Collection[int], layers: int) -> bool:
    """Whether no live path leads from the stem to the end of so many cells.

    `none` is dead, and so is whatever reads only what is dead: at initialisation a batch norm's
    shift is zero, so a convolution of zeros is zero.
    """
    before_last, last = True, True
    for layer in range(layers):
        cell = genotype.reduction if layer in reductions else genotype.normal
        alive = [before_last, last]
        for node in cell.nodes:
            alive.append(any(name != "none" and alive[source] for name, source in node))
        before_last, last = last, any(alive[n] for n in cell.concat)
    return not last


def format_genotype(genotype: Genotype) -> str:
    """The Python text that papers and their code print: `Genotype(normal=[...], ...)`."""
    parts = []
    for name, cell in genotype.cells.items():
        parts.append(f"{name}={list(chain.from_iterable(cell.nodes))!r}")
        parts.append(f"{name}_concat={list(cell.concat)!r}")
    return f"Genotype({', '.join(parts)})"


def parse_genotype(text: str, operations: Collection[str]) -> Genotype:
    """The genotype in a Python text, which is read as data and never run.

    Args:
        text: `Genotype(normal=[...], normal_concat=range(2, 6), reduce=[...], ...)`; names may be
            dotted, lists may be tuples.

    Raises:
        MalformedInput: it is none; the message names the part.
    """
    if len(text) > LONGEST:
        reason = f"it has {len(text):,} characters, more than {LONGEST:,}"
        raise malformed_genotype(text[:80], reason)
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise malformed_genotype(text, "it is not Genotype(...) with named parts")
        parts = {str(part.arg): _value(part.value) for part in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise malformed_genotype(text, f"it cannot be read ({type(error).__name__})") from error
    return genotype_of(parts, operations, text)


def find_genotypes(text: str) -> list[str]:
    """Return the calls of Genotype in a text, each up to its closing parenthesis."""
    found = []
    places = [match.start() for match in re.finditer("[()]", text)]
    for call in re.finditer(r"(?:\w{1,50}\.){0,9}Genotype\(", text):
        depth = 0
        for place in islice(places, bisect(places, call.end() - 2), None):
            if place >= call.start() + LONGEST:
                break
            depth += 1 if text[place] == "(" else -1
            if not depth:
                found.append(text[call.start() : place + 1])
                break
    return found


def genotype_of(parts: dict[str, Any], operations: Collection[str], text: str) -> Genotype:
    """The genotype whose parts are plain lists: of both cells the edges and what is concatenated.

    Raises:
        MalformedInput: it is none; the message names the part.
    """
    expected = ("normal", "normal_concat", "reduce", "reduce_concat")
    if set(parts) != set(expected):
        there = ", ".join(sorted(parts)) or "none"
        raise malformed_genotype(text, f"its parts are {there} instead of {', '.join(expected)}")
    return Genotype(
        _cell(parts["normal"], parts["normal_concat"], "normal", operations, text),
        _cell(parts["reduce"], parts["reduce_concat"], "reduce", operations, text),
    )


def malformed_genotype(text: str, reason: str) -> MalformedInput:
    """The error for a text that is no genotype."""
    return MalformedInput(f"{text!r} is not a genotype: {reason} (write {FORM})")


def _value(node: ast.expr) -> Any:
    """A literal, or the numbers of `range(a, b)`; at most as many as a cell could have."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [ast.literal_eval(argument) for argument in node.args]
        if node.keywords or len(bounds) not in (1, 2):
            raise ValueError("range has one or two bounds here")
        return list(range(*bounds)[:100])
    return ast.literal_eval(node)


def _cell(
    edges: Any, concat: Any, name: str, operations: Collection[str], text: str
) -> CellGenotype:
    if isinstance(edges, list | tuple) and all(
        isinstance(node, list | tuple) and len(node) == 2 and isinstance(node[0], list | tuple)
        for node in edges
    ):  # one list of two edges a node
        edges = [edge for node in edges for edge in node]
    if not isinstance(edges, list | tuple) or len(edges) % 2 or not 2 <= len(edges) <= 20:
        raise malformed_genotype(
            text, f"{name} is not a list of two edges a node, for 1 to 10 nodes"
        )
    found: list[Edge] = []
    for place, edge in enumerate(edges):
        node = place // 2 + 2
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            raise malformed_genotype(
                text, f"edge {place} of {name} is {edge!r} instead of (operation, input)"
            )
        operation, source = edge
        if operation not in operations:
            raise malformed_genotype(
                text,
                f"edge {place} of {name} has the operation {operation!r}; "
                f"{suggest(str(operation), operations)}",
            )
        if type(source) is not int or not 0 <= source < node:
            raise malformed_genotype(
                text,
                f"edge {place} of {name} reads {source!r}; node {node} can read 0 to {node - 1}",
            )
        found.append((operation, source))
    nodes = tuple((found[k], found[k + 1]) for k in range(0, len(found), 2))
    if (
        not isinstance(concat, list | tuple)
        or not concat
        or any(type(n) is not int or not 2 <= n < len(nodes) + 2 for n in concat)
        or len(set(concat)) != len(concat)
    ):
        raise malformed_genotype(
            text,
            f"{name}_concat is {concat!r} instead of distinct nodes among 2 to {len(nodes) + 1}",
        )
    return CellGenotype(nodes, tuple(sorted(concat)))
