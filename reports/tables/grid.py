"""A table of any content, independent of the format it is written in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from untrained.reports.tables.numbers import MISSING, count, decimal, interval


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry: what is printed, and what it rounds."""

    text: str
    value: float | str | None = None
    """What is sorted by and what CSV holds; None = missing."""
    low: float = math.nan
    """Lower end of the interval; NaN = none."""
    high: float = math.nan
    signed: bool = False
    """Whether positive ends of the interval have a sign though the text is negative."""

    @property
    def range(self) -> str:
        """The interval in brackets; empty where there is none. Signed like a positive text."""
        return interval(self.low, self.high, sign=self.signed or self.text.startswith("+"))

    @property
    def whole(self) -> str:
        """Text and interval together."""
        return f"{self.text} {self.range}".rstrip()

    @property
    def key(self) -> str:
        """The value as text, for sorting; empty = missing."""
        if self.value is None:
            return ""
        return repr(float(self.value)) if isinstance(self.value, float | int) else self.value


@dataclass(frozen=True, slots=True)
class GridColumn:
    """What stands in one column."""

    name: str
    """In CSV: letters, digits and underscores."""
    heading: str
    note: str = ""
    """What the heading means, half a sentence; may be empty."""
    kind: Literal["text", "number"] = "number"
    interval: bool = False
    """Whether cells have intervals; CSV then has three columns."""
    code: bool = False
    """Whether cells are names of the program's, set in its typeface."""
    aside: bool = False
    """Whether documents of limited width leave the column out."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; every row has one cell a column. The first column names the row."""

    name: str
    """For file names and anchors: lower-case letters, digits and hyphens."""
    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns.

        Raises:
            ValueError: a row has too few or too many cells.
        """
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells for {len(self.columns)} columns: {row!r}")

    @property
    def legend(self) -> str:
        """What the headings mean, one sentence; empty where none needs it."""
        parts = [f"{c.heading}: {c.note}" for c in self.columns if c.note]
        return f"{'; '.join(parts)}." if parts else ""


def words(text: str) -> Cell:
    """A cell of text; a dash where it is empty."""
    return Cell(text or MISSING, text or None)


def number(
    value: float,
    places: int = 3,
    *,
    sign: bool = False,
    low: float = math.nan,
    high: float = math.nan,
) -> Cell:
    """A cell of a number with fixed decimals; NaN = missing."""
    known = None if math.isnan(value) else float(value)
    return Cell(decimal(value, places, sign=sign), known, low, high)


def probability(value: float) -> Cell:
    """A cell of a p-value with four decimals, never rounded to nothing; NaN = missing."""
    made = number(value, 4)
    return Cell("<0.0001", made.value) if made.text == "0.0000" else made


def whole_number(value: int | None) -> Cell:
    """A cell of a count; None = missing."""
    return Cell(MISSING, None) if value is None else Cell(count(value), int(value))
