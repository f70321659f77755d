"""Notations of NAS-Bench-201 cells in other tools.

Sources: NASLib, search_spaces/nasbench201/conversions.py (operation indices); NNI, nas/benchmarks
(dictionary of edges); D-X-Y/AutoDL-Projects, lib/models (Structure, nested lists, index order).
"""

from __future__ import annotations

import ast
import re
from typing import Any

from untrained.foundation import MalformedInput

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) in the order of the space's own notation."""
NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
AUTODL_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_SHORT = {"conv_1x1": "nor_conv_1x1", "conv_3x3": "nor_conv_3x3"}
_STRUCTURE = re.compile(r"(?:\w+\.)*Structure\(\s*4 nodes with (.*?)\s*\)", re.DOTALL)
_CELL = re.compile(r"(?:\|[^\s|+,;'\"()]+~\d+)+\|(?:\+(?:\|[^\s|+,;'\"()]+~\d+)+\|)*")
_LONGEST = 2_000


def find_cells(text: str) -> list[str]:
    """Return the parts of a text that look like a cell in the space's own notation."""
    return _CELL.findall(text)


def own_notation(text: str) -> str:
    """Return a cell in the space's own notation, given any form that cannot be mistaken.

    Known are `Structure(4 nodes with ...)`; a dictionary of edges (`{"0_1": "conv_3x3", ...}`);
    a list a node of (operation, source); and NASLib's indices as a tuple in parentheses, in which
    NASLib prints them and NAS-Bench-Suite-Zero keys its scores. Anything else is returned as is.

    Raises:
        MalformedInput: the text is a list of six numbers, whose meaning depends on the tool.
    """
    plain = text.strip()
    if structure := _STRUCTURE.fullmatch(plain):
        return structure[1]
    value = _literal(plain)
    if isinstance(value, tuple) and _is_indices(value):
        return from_naslib_indices(plain)
    if isinstance(value, list) and _is_indices(value):
        raise MalformedInput(
            f"cannot read {text!r} as an architecture of nasbench201: six operation indices mean "
            "different cells in different tools. Name the tool: notation naslib or autodl."
        )
    if isinstance(value, dict):
        named = {tuple(re.findall(r"\d+", str(edge))): op for edge, op in value.items()}
        edges = {(int(key[0]), int(key[1])): op for key, op in named.items() if len(key) == 2}
        return _join(edges, text)
    if isinstance(value, list | tuple) and len(value) == 3:
        edges = {}
        for target, node in enumerate(value, 1):
            entries = node if isinstance(node, list | tuple) else ()
            for entry in entries:
                if not isinstance(entry, list | tuple) or [*map(type, entry)] != [str, int]:
                    return text
                edges[entry[1], target] = entry[0]
        return _join(edges, text)
    return text


def from_naslib_indices(text: str) -> str:
    """Return the cell of NASLib's six operation indices, by edge 01, 02, 03, 12, 13, 23.

    Raises:
        MalformedInput: it is not six numbers from 0 to 4.
    """
    return _from_indices(text, NASLIB_EDGES, NASLIB_OPERATIONS, "naslib")


def from_autodl_indices(text: str) -> str:
    """Return the cell of six operation indices in the order of the benchmark's own code.

    The operations are none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3; the edges
    01, 02, 12, 03, 13, 23.

    Raises:
        MalformedInput: it is not six numbers from 0 to 4.
    """
    return _from_indices(text, EDGES, AUTODL_OPERATIONS, "autodl")


def _from_indices(
    text: str, edges: tuple[tuple[int, int], ...], operations: tuple[str, ...], name: str
) -> str:
    value = _literal(text.strip())
    if not isinstance(value, list | tuple) or not _is_indices(value):
        raise MalformedInput(
            f"cannot read {text!r} in the notation {name}: it is not six numbers from 0 to 4. "
            "Write, for example, (2, 1, 0, 4, 3, 1)."
        )
    return _join({edge: operations[i] for edge, i in zip(edges, value, strict=True)}, text)


def _is_indices(value: Any) -> bool:
    return len(value) == len(EDGES) and all(type(i) is int and 0 <= i < 5 for i in value)


def _literal(text: str) -> Any:
    if len(text) > _LONGEST or not text.startswith(("[", "(", "{")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _join(edges: dict[tuple[int, int], Any], text: str) -> str:
    if set(edges) != set(EDGES) or not all(isinstance(op, str) for op in edges.values()):
        missing = ", ".join(f"{a}>{b}" for a, b in EDGES if (a, b) not in edges)
        raise MalformedInput(
            f"cannot read {text!r} as an architecture of nasbench201: "
            + (f"the edges {missing} have no operation. " if missing else "its edges differ. ")
            + "Give each of the six edges between the nodes 0 to 3 one operation."
        )
    nodes = (
        "".join(f"|{_SHORT.get(op, op)}~{s}" for (s, t), op in sorted(edges.items()) if t == end)
        for end in (1, 2, 3)
    )
    return "|+".join(nodes) + "|"
