"""Files in which people keep architectures: lists, tables, Python modules, JSON, logs."""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.spaces.framework.search_space import SearchSpace

COLUMNS = ("architecture", "arch", "arch_str", "arch_string", "network", "genotype", "cell")
"""Headings of the column of architectures, in lower case."""
LARGEST = 512 * 2**20
"""Bytes of the largest file that is read."""
_DEEPEST = 100

Parse = Callable[[str], str]


def read_text(path: Path, *, what: str) -> str:
    """Return the text of a file in UTF-8 or UTF-16, without a byte order mark.

    Args:
        what: the content, for messages, such as "the list of architectures".

    Raises:
        MissingData: the file does not exist.
        MalformedInput: it cannot be read, is larger than `LARGEST`, or is no text.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise MalformedInput(
                f"cannot read {what} {path}: it has more than {LARGEST:,} bytes. "
                "Split it into several files."
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingData(
            f"cannot read {what} {path}: the file does not exist. Check the path."
        ) from None
    except OSError as error:
        raise MalformedInput(f"cannot read {what} {path}: {error}. Check the path.") from error
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput(
            f"cannot read {what} {path}: byte {error.start} is not part of a text in UTF-8 or "
            "UTF-16. Save the file as UTF-8 text."
        ) from error


def read_architectures(
    path: Path, space: SearchSpace, *, notation: str | None = None
) -> tuple[str, ...]:
    """Return the distinct architectures of a file, in the notation of the space, in file order.

    These forms are told apart by their content:

    - one architecture a line; blank lines and lines that begin with `#` are skipped;
    - a CSV table with a heading of `COLUMNS`, separated by comma, semicolon or tab;
    - a Python module, list or JSON document: every text, genotype or key that is an architecture;
    - a log: every line that contains an architecture within other text; other lines are skipped.

    An architecture may be written in every form that the space's `parse` reads.

    Args:
        notation: name of another tool's notation, a key of `space.notations`; None: the space's
            own and those that cannot be mistaken for another.

    Raises:
        MissingData: the file does not exist.
        MalformedInput: the file has no architecture, or an entry is none; the message names
            the line and what was expected.
        UserError: the space has no such notation.
    """
    text = read_text(path, what="the list of architectures")
    parse = _parser(space, notation)
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not lines:
        raise MalformedInput(
            f"cannot read the list of architectures {path}: it is empty. Write one architecture "
            f"of {space.name!r} a line."
        )
    found: list[str] = []
    try:
        for number, line in lines:
            found.append(_at(path, number, parse, line))
    except MalformedInput as error:
        other = _from_table(path, text, parse) or _from_literals(path, text, parse)
        found = other or _from_log(path, lines, space, parse)
        if not found:
            raise error from None
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class ArchitectureTable:
    """A table with a column of architectures."""

    headings: list[str]
    place: int
    """The column of architectures, counted from 0."""
    rows: list[tuple[int, list[str]]]
    """Line number and cells, as many as headings."""


def split_table(path: Path, text: str) -> ArchitectureTable | None:
    """Return the rows of a table of comma, semicolon or tab with a heading of `COLUMNS`, or None.

    Raises:
        MalformedInput: a line has another number of cells than the heading, or a cell has no end.
    """
    heading = next(iter(text.splitlines()), "")
    try:
        for separator in ",;\t":
            cells = next(csv.reader([heading], delimiter=separator), [])
            headings = [name.strip() for name in cells]
            place = place_of_architectures(headings)
            if place is None:
                continue
            reader = csv.reader(io.StringIO(text), delimiter=separator)
            next(reader)
            rows = []
            for row in reader:
                if any(cell.strip() for cell in row):
                    if len(row) != len(headings):
                        raise MalformedInput(
                            f"{path}:{reader.line_num}: the line has {len(row)} cells, but the "
                            f"heading has {len(headings)}. Quote cells that contain {separator!r}."
                        )
                    rows.append((reader.line_num, row))
            return ArchitectureTable(headings, place, rows)
    except csv.Error as error:
        raise MalformedInput(
            f"cannot read {path}: it is no CSV table ({error}). Save it as CSV with line ends of "
            "one kind."
        ) from error
    return None


def place_of_architectures(headings: list[str]) -> int | None:
    """Return the column whose heading is the first of `COLUMNS`; None: there is none."""
    plain = [name.lower() for name in headings]
    return next((plain.index(name) for name in COLUMNS if name in plain), None)


def _parser(space: SearchSpace, notation: str | None) -> Parse:
    if notation is None:
        return lambda text: str(space.parse(text))
    if notation not in space.notations:
        known = ", ".join(space.notations) or "none"
        raise UserError(
            f"cannot read architectures of {space.name!r} in the notation {notation!r}: it is "
            f"unknown for this space. Known notations: {known}."
        )
    translate = space.notations[notation]
    return lambda text: str(space.parse(translate(text)))


def _at(path: Path, line: int, parse: Parse, text: str) -> str:
    try:
        return parse(text)
    except UserError as error:
        raise MalformedInput(f"{path}:{line}: {error}") from error


def _from_table(path: Path, text: str, parse: Parse) -> list[str]:
    """Read the column of architectures of a CSV table; none: the file is no such table."""
    table = split_table(path, text)
    return [_at(path, line, parse, row[table.place]) for line, row in table.rows] if table else []


def _from_literals(path: Path, text: str, parse: Parse) -> list[str]:
    """Read the values of a Python module or JSON document; none: the file is neither."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        try:  # JSON that is no Python: true, false, null
            tree = ast.parse(repr(json.loads(text)))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    reader = _Literals(path, text, parse)
    for place, statement in enumerate(tree.body):
        value = getattr(statement, "value", None)
        docstring = place == 0 and isinstance(value, ast.Constant)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and value is not None:
            try:
                reader.read(value, optional=docstring or not isinstance(statement, ast.Expr))
            except MalformedInput:
                if reader.found:
                    raise
                return []  # what is wrong with the first line says more
    return reader.found


class _Literals:
    """The architectures among the literals of a syntax tree, which is never run."""

    def __init__(self, path: Path, text: str, parse: Parse) -> None:
        self.path = path
        self.text = text
        self.parse = parse
        self.found: list[str] = []

    def read(self, node: ast.expr, *, optional: bool, depth: int = 0) -> None:
        """Add what a node holds.

        Args:
            optional: whether a value that is no architecture is skipped; a call of something
                named Genotype or Structure never is.
        """
        if isinstance(node, ast.Name) or depth > _DEEPEST:
            return
        inner = list(_inner(node))
        called = isinstance(node, ast.Call)
        try:
            self.found.append(self.parse(self._source(node)))
        except UserError as error:
            if inner and not called:
                for part in inner:
                    self.read(part, optional=optional, depth=depth + 1)
                return
            if optional and not (called and _name(node).endswith(("Genotype", "Structure"))):
                return
            raise MalformedInput(f"{self.path}:{node.lineno}: {error}") from error

    def _source(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return ast.unparse(node)


def _inner(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        yield from node.elts
    elif isinstance(node, ast.Dict):
        keys = [key for key in node.keys if key is not None]
        numbers = all(
            isinstance(value, ast.Name | ast.UnaryOp)
            or (isinstance(value, ast.Constant) and not isinstance(value.value, str))
            for value in node.values
        )  # JSON's null is a name in Python
        yield from keys if numbers else node.values


def _name(node: Any) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _from_log(
    path: Path, lines: list[tuple[int, str]], space: SearchSpace, parse: Parse
) -> list[str]:
    """Read the architectures within the lines of a log; none: no line has one within text."""
    found: list[str] = []
    within = False
    for number, line in lines:
        texts = space.find(line)
        within = within or any(text != line for text in texts)
        found += [_at(path, number, parse, text) for text in texts]
    return found if within else []
