"""Configurations of NAS-Bench-301: its ConfigSpace form of the cells of DARTS.

A configuration is a dictionary of the benchmark's ConfigSpace: `edge_normal_3` names an operation,
`inputs_node_normal_4` the two places that a node reads.
Reference: Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020.
"""

from __future__ import annotations

import ast
from collections import namedtuple
from collections.abc import Collection, Mapping
from itertools import chain
from typing import Any

from untrained.foundation import MalformedInput, suggest
from untrained.spaces.darts.genotype import (
    LONGEST,
    CellGenotype,
    Edge,
    Genotype,
    Node,
    genotype_of,
    sorted_node,
)
from untrained.spaces.darts.network import DARTS_OPERATIONS

PREFIX = "NetworkSelectorDatasetInfo:darts:"
CELLS = ("normal", "reduce")
OFFSETS = (0, 2, 5, 9)
"""Number of the first edge of each node: the nodes could read 2, 3, 4 and 5 places."""
_CONCAT = (2, 3, 4, 5)


def has_configuration(genotype: Genotype) -> bool:
    """Whether the form can express it: seven operations, two different inputs a node."""
    return all(
        cell.concat == _CONCAT
        and len(cell.nodes) == 4
        and all(a[1] != b[1] and {a[0], b[0]} <= set(DARTS_OPERATIONS) for a, b in cell.nodes)
        for cell in genotype.cells.values()
    )


def to_configuration(genotype: Genotype) -> dict[str, str]:
    """The dictionary of a genotype.

    Raises:
        MalformedInput: `has_configuration` is false of it.
    """
    if not has_configuration(genotype):
        raise MalformedInput(
            f"the NAS-Bench-301 configuration of {genotype!r} was asked for, but that benchmark "
            "knows only cells of four nodes with two different inputs each and the operations "
            f"{', '.join(DARTS_OPERATIONS)}; choose such a cell"
        )
    found: dict[str, str] = {}
    for name, cell in genotype.cells.items():
        for place, node in enumerate(cell.nodes):
            if place:
                inputs = "_".join(str(source) for _, source in node)
                found[f"{PREFIX}inputs_node_{name}_{place + 2}"] = inputs
            for operation, source in node:
                found[f"{PREFIX}edge_{name}_{OFFSETS[place] + source}"] = operation
    return found


def from_configuration(configuration: Mapping[str, str]) -> Genotype:
    """The genotype of a dictionary; other entries, such as those of the training, are left out.

    The keys are the benchmark's; `_COLON_` may stand for the colon.

    Raises:
        MalformedInput: an entry is missing or is none of the possible ones; the message names it.
    """
    given = {str(key).replace("_COLON_", ":"): value for key, value in configuration.items()}
    normal, reduction = (_cell(given, name) for name in CELLS)
    return Genotype(normal, reduction)


def _cell(given: Mapping[str, str], name: str) -> CellGenotype:
    return CellGenotype(tuple(_node(given, name, place) for place in range(4)), _CONCAT)


def _node(given: Mapping[str, str], name: str, place: int) -> Node:
    if place == 0:
        pair = [0, 1]
    else:
        possible = [f"{a}_{b}" for b in range(place + 2) for a in range(b)]
        inputs = _entry(given, f"inputs_node_{name}_{place + 2}", sorted(possible))
        pair = [int(source) for source in inputs.split("_")]
    edges: list[Edge] = []
    for source in pair:
        key = f"edge_{name}_{OFFSETS[place] + source}"
        edges.append((_entry(given, key, DARTS_OPERATIONS), source))
    return sorted_node(*edges)


def _entry(given: Mapping[str, str], key: str, possible: tuple[str, ...] | list[str]) -> str:
    value = given.get(PREFIX + key)
    if value is None or value not in possible:
        problem = f"is {value!r}; {suggest(str(value), possible)}" if value else "is missing"
        raise MalformedInput(
            f"a NAS-Bench-301 configuration was to be read, but its entry {PREFIX + key} {problem} "
            "(a dictionary as the benchmark's ConfigSpace samples it, colons may be _COLON_)"
        )
    return value


def parse_configuration(text: str) -> Genotype:
    """Read a configuration written as a Python or JSON dictionary.

    Raises:
        MalformedInput: the text is no dictionary, or see `from_configuration`.
    """
    try:
        found = ast.literal_eval(text.strip()) if len(text) <= LONGEST else None
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MalformedInput(
            f"cannot read {text[:80]!r} as a NAS-Bench-301 configuration: it is no dictionary of "
            "texts and numbers. Write it as json.dumps or repr does."
        )
    return from_configuration(found)


NamedGenotype = namedtuple("NamedGenotype", ["normal", "normal_concat", "reduce", "reduce_concat"])
"""The fields that DARTS and the package nasbench301 read by their names."""


def named_genotype(genotype: Genotype) -> NamedGenotype:
    """Write both cells as lists of (operation, input)."""
    cells = genotype.cells.values()
    return NamedGenotype(*(part for c in cells for part in ([*chain(*c.nodes)], list(c.concat))))


def genotype_of_object(item: object, operations: Collection[str]) -> Genotype | None:
    """Read an object that other code works with; None: it is none of them.

    Args:
        item: a `Genotype` of DARTS or NAS-Bench-301 (normal, normal_concat, reduce,
            reduce_concat), a dictionary, or a `Configuration` of ConfigSpace.
        operations: those that a genotype may have.

    Raises:
        MalformedInput: the object is one of them, but denotes no cells of DARTS.
    """
    if isinstance(item, Genotype):
        return item
    write = getattr(item, "get_dictionary", None)
    if isinstance(item, Mapping) or callable(write):
        return from_configuration(item if isinstance(item, Mapping) else write())  # type: ignore[misc]
    names = ("normal", "normal_concat", "reduce", "reduce_concat")
    if not all(hasattr(item, name) for name in names):
        return None
    parts: dict[str, Any] = {name: list(getattr(item, name)) for name in names}
    for name in names[::2]:
        # sources may be numpy's numbers
        parts[name] = [(str(op), int(source)) for op, source in parts[name]]
    return genotype_of(parts, operations, repr(item))
