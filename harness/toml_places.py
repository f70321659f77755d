"""Where in a TOML text a key or a value stands, so that an error can name the line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_KEY = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ASSIGNMENT = re.compile(rf"^\s*({_DOTTED})\s*=")


Keys = tuple[str | int, ...]


def line_of(text: str, keys: Sequence[str | int], *, value: str | None = None) -> int | None:
    """The line on which a key is assigned, or the table that should hold it begins.

    Args:
        text: a valid TOML document.
        keys: path of the key, from the top; whole numbers count the tables of an array from 0.
        value: a string; a line with it is preferred to that of the key, the next one at first.

    Returns:
        Line number from 1; that of the nearest enclosing key that is there; None if none is.
    """
    places = _places(text)
    lines = text.splitlines()
    for length in range(len(keys), 0, -1):
        line = places.get(tuple(keys[:length]))
        if line is None:
            continue
        if value is not None:
            quoted = (f'"{value}"', f"'{value}'")
            for number in (*range(line, len(lines) + 1), *range(1, line)):
                if any(q in lines[number - 1] for q in quoted):
                    return int(number)
        return line
    return None


def _places(text: str) -> dict[Keys, int]:
    found: dict[Keys, int] = {}
    arrays: dict[tuple[str, ...], int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            path = _split(header[1])
            if line.lstrip().startswith("[["):
                arrays[path] = arrays.get(path, -1) + 1
                found.setdefault(path, number)
            table = _counted(path, arrays)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            keys = table + _split(assignment[1])
            for length in range(len(table) + 1, len(keys) + 1):
                found.setdefault(keys[:length], number)
    return found


def _counted(path: tuple[str, ...], arrays: Mapping[tuple[str, ...], int]) -> Keys:
    """The path with the number of the current table behind each array of tables."""
    keys: Keys = ()
    for length, name in enumerate(path, start=1):
        keys += (name,)
        if path[:length] in arrays:
            keys += (arrays[path[:length]],)
    return keys


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))
