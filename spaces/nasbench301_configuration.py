"""NAS-Bench-301's own form of a DARTS cell: a flat dictionary of its ConfigSpace.

`inputs_node_normal_3: "0_2"` says that node 3 of that form (the second node of the cell; the first
one always reads both inputs) reads 0 and 2; `edge_normal_k: "sep_conv_3x3"` gives the operation of
edge k, where the edges that could lead to a node are numbered node by node. Edges that are not
used have no entry. All keys have the prefix `NetworkSelectorDatasetInfo:darts:`.
Reference: Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020, appendix.
"""

from __future__ import annotations

from collections.abc import Mapping

from untrained.foundation import MalformedInput, suggest
from untrained.spaces.cell_genotype import CellGenotype, Edge, Genotype, Node, sorted_node
from untrained.spaces.cell_operations import DARTS_OPERATIONS

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
        for cell in (genotype.normal, genotype.reduction)
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
    for name, cell in zip(CELLS, (genotype.normal, genotype.reduction), strict=True):
        for place, node in enumerate(cell.nodes):
            if place:
                inputs = "_".join(str(source) for _, source in node)
                found[f"{PREFIX}inputs_node_{name}_{place + 2}"] = inputs
            for operation, source in node:
                found[f"{PREFIX}edge_{name}_{OFFSETS[place] + source}"] = operation
    return found


def from_configuration(configuration: Mapping[str, str]) -> Genotype:
    """The genotype of a dictionary; other entries, such as those of the training, are left out.

    Args:
        configuration: with the benchmark's keys; `_COLON_` may stand for the colon.

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
