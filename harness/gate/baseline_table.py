"""The CSV files of a baseline: what is written, and how it is read back and checked."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from untrained.foundation import MalformedInput, MissingData, suggest

R = TypeVar("R")

DIGITS = 9
"""Significant digits of a score: a single-precision number survives them."""
WHOLE = 2.0**53
"""Whole numbers below are written whole, parameter counts above all."""


def score_text(value: float) -> str:
    """A number as it stands in a baseline; the same number always gives the same text.

    >>> [score_text(v) for v in (6459.0, 0.1, 1 / 3, float("-inf"), -0.0)]
    ['6459', '0.1', '0.333333333', '-inf', '0']
    """
    if math.isfinite(value) and value == int(value) and abs(value) < WHOLE:
        return str(int(value))
    return f"{value:.{DIGITS}g}"


def rounded(value: float) -> float:
    """What is read back of a number after it was written."""
    return float(score_text(value))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV document with unix line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file; its fields are asked for by what they should be."""

    place: str
    """File and line."""
    fields: dict[str, str]

    def text(self, name: str) -> str:
        """A text that must not be empty.

        Raises:
            MalformedInput: it is.
        """
        if not self.fields[name]:
            raise self._wrong(name, "should not be empty")
        return self.fields[name]

    def whole(self, name: str) -> int:
        """A whole number.

        Raises:
            MalformedInput: it is something else.
        """
        return self._as(name, int, "should be a whole number")

    def number(self, name: str) -> float:
        """A number.

        Raises:
            MalformedInput: it is something else, or NaN.
        """
        value = self._as(name, float, "should be a number")
        if math.isnan(value):
            raise self._wrong(name, "should be a number, or empty where there is none")
        return value

    def truth(self, name: str) -> bool:
        """Yes or no.

        Raises:
            MalformedInput: it is something else.
        """
        if self.fields[name] not in ("yes", "no"):
            raise self._wrong(name, "should be yes or no")
        return self.fields[name] == "yes"

    def _as(self, name: str, kind: Callable[[str], R], expected: str) -> R:
        try:
            return kind(self.fields[name])
        except ValueError:
            raise self._wrong(name, expected) from None

    def _wrong(self, name: str, expected: str) -> MalformedInput:
        return malformed(self.place, f"{name} = {self.fields[name]!r}: {expected}")


def malformed(place: str, what: str) -> MalformedInput:
    """An error about a file of a baseline, with what to do."""
    return MalformedInput(
        f"{place}: {what}; put the file back as it was committed (git checkout), or write the "
        "baseline anew with --update"
    )


def read_text(path: Path) -> str:
    """The text of a baseline's file, with unix line ends.

    Raises:
        MissingData: it is not there.
        MalformedInput: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise MissingData(
            f"the baseline {path.parent.name!r} lacks its file {path}; put it back as it was "
            "committed (git checkout), or write the baseline anew with --update"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise malformed(str(path), f"cannot be read: {error}") from error


def read_rows(
    text: str, path: Path, columns: Sequence[str], *, more: str | None = None
) -> Iterator[Row]:
    """The lines of a CSV document.

    Args:
        more: beginning of the names of further columns at the end, of which there is at least one.

    Raises:
        MalformedInput: other columns, or a line with too few or too many fields.
    """
    lines = csv.reader(io.StringIO(text))
    header = next(lines, [])
    _check_header(header, path, columns, more)
    if not text.endswith("\n"):
        raise malformed(str(path), "the last line is cut short")
    for fields in lines:
        place = f"{path}:{lines.line_num}"
        if len(fields) != len(header):
            raise malformed(place, f"{len(fields)} fields where the header has {len(header)}")
        yield Row(place, dict(zip(header, fields, strict=True)))


def _check_header(header: list[str], path: Path, columns: Sequence[str], more: str | None) -> None:
    further = header[len(columns) :]
    expected = ",".join(columns) + (f",{more}..." if more else "")
    known = all(f.startswith(more) for f in further) if more else not further
    if header[: len(columns)] == list(columns) and known and (further or not more):
        return
    unknown = [f for f in header if f not in columns and not (more and f.startswith(more))]
    hint = f" ({unknown[0]!r}: {suggest(unknown[0], columns)})" if unknown else ""
    raise malformed(f"{path}:1", f"the columns are {','.join(header)!r}, not {expected!r}{hint}")
