"""A table of any content, independent of the format it is written in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from untrained.reports.tables.numbers import MISSING, decimal, interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry: what is printed, and what it rounds."""

    text: str
    value: float | str | None = None
    """Value for sorting and for CSV; None = missing."""
    low: float = math.nan
    """Lower end of the interval; NaN = none."""
    high: float = math.nan
    signed: bool = False
    """Whether positive ends of the interval have a sign though the text is negative."""

    @property
    def range(self) -> str:
        """Write the interval in brackets, signed like a positive text; empty if there is none."""
        return interval(self.low, self.high, sign=self.signed or self.text.startswith("+"))

    @property
    def whole(self) -> str:
        """Write text and interval together."""
        return f"{self.text} {self.range}".rstrip()

    @property
    def key(self) -> str:
        """Write the value as text for sorting; empty = missing."""
        if self.value is None:
            return ""
        return self.value if isinstance(self.value, str) else repr(float(self.value))


Estimate = tuple[float, float, float]
"""A number and the ends of its interval."""
Value = Cell | Estimate | float | str | None
"""Value that a column reads from a row; NaN, None and the empty text are missing."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what it reads from a row, and how that is printed."""

    name: str
    """In CSV: letters, digits and underscores."""
    heading: str = ""
    get: str | Callable[[Any], Value] = ""
    """Attribute of the row, with dots inside; empty: the one called `name`. Or a function of the
    row, for whatever is computed."""
    note: str = ""
    """Meaning of the heading, half a sentence; may be empty."""
    kind: Literal["number", "text", "code"] = "number"
    """Code is a text: a name of the program's, set in its typeface."""
    interval: bool = False
    """Whether cells have intervals, of the attributes that end in `_low` and `_high`; CSV then has
    three columns."""
    aside: bool = False
    """Whether documents of limited width leave the column out."""
    places: int = 3
    """Decimals of a number that is no integer."""
    sign: bool = False
    """Whether positive numbers have a sign."""
    sign_ends: bool = False
    """Whether positive ends of intervals have a sign whatever their number has."""
    show: Callable[[float], str] | None = None
    """The text of a number, in place of `places` and `sign`."""
    leading: bool = False
    """Whether rows are sorted by it, the largest first; HTML then draws intervals as bars."""
    ascending: bool = False
    """Whether the smallest number comes first."""

    def cell(self, row: Any) -> Cell:
        """Read and format the entry of a row."""
        if callable(self.get):
            value = self.get(row)
        else:
            path = self.get or self.name
            paths = (path, f"{path}_low", f"{path}_high") if self.interval else (path,)
            value = attrgetter(*paths)(row)
        if isinstance(value, Cell):
            return value
        number, low, high = value if isinstance(value, tuple) else (value, math.nan, math.nan)
        if isinstance(number, str) and number:
            return Cell(number, number)
        if number is None or isinstance(number, str) or math.isnan(number):
            return Cell(MISSING, None, low, high)
        whole = isinstance(number, Integral)
        if self.show:
            text = self.show(number)
        else:
            text = f"{int(number):,}" if whole else decimal(number, self.places, sign=self.sign)
        exact = int(number) if whole else float(number)
        return Cell(text, exact, low, high, signed=self.sign_ends)


INDICATOR = Column("indicator", "Indicator", kind="code")


class Line(NamedTuple):
    """A row and the table that it is of, for files whose every line is complete by itself."""

    table: Any
    row: Any


SEEDS = Column("seeds", get=lambda line: " ".join(map(str, line.row.seeds)))
DIRECTION = Column("higher_is_better", get=lambda line: str(line.row.higher_is_better).lower())
MEMBERS = Column("members", get=lambda line: " ".join(line.row.members))


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of any kind and the columns that read them. The first column names the row."""

    name: str
    """Name for files and anchors: lower-case letters, digits and hyphens."""
    columns: Sequence[Column]
    rows: Sequence[Any]

    def __post_init__(self) -> None:
        """Refuse columns that a file could not tell apart.

        Raises:
            ValueError: two columns have one name.
        """
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"columns of the table {self.name!r} share a name: {names}")

    @property
    def narrow(self) -> tuple[Column, ...]:
        """Select the columns of documents of limited width."""
        return tuple(column for column in self.columns if not column.aside)

    @property
    def legend(self) -> str:
        """Explain the headings in one sentence; empty if none needs it."""
        parts = [f"{c.heading}: {c.note}" for c in self.columns if c.note]
        return f"{'; '.join(parts)}." if parts else ""

    def texts(self) -> list[dict[str, str]]:
        """Write the narrow columns of every row as printed, by heading."""
        return [{c.heading: c.cell(row).whole for c in self.narrow} for row in self.rows]

    def record(self, row: Any) -> dict[str, float | str | None]:
        """Collect the values of a row by column; an interval takes two more columns."""
        values: dict[str, float | str | None] = {}
        for column in self.columns:
            cell = column.cell(row)
            values[column.name] = cell.value
            if column.interval:
                values |= {f"{column.name}_low": cell.low, f"{column.name}_high": cell.high}
        return values

    def frame(self) -> pd.DataFrame:
        """Collect the records of all rows; a column of integers with gaps stays one."""
        import pandas as pd

        names: list[str] = []
        for column in self.columns:
            ends = ("", "_low", "_high") if column.interval else ("",)
            names += [f"{column.name}{end}" for end in ends]
        frame = pd.DataFrame(list(map(self.record, self.rows)), columns=names, dtype=object)
        for name in names:
            known = frame[name].dropna()
            whole = bool(len(known)) and all(isinstance(value, int) for value in known)
            frame[name] = frame[name].astype("Int64") if whole else frame[name].infer_objects()
        return frame


def estimate_of(thing: object, name: str) -> Estimate:
    """Read a number with its interval from an object; all NaN if the object is None."""
    if thing is None:
        return math.nan, math.nan, math.nan
    value: Estimate = attrgetter(name, f"{name}_low", f"{name}_high")(thing)
    return value


def probability(p: float) -> str:
    """Format a p-value with four decimals, never as zero.

    >>> probability(0.0312), probability(1e-9)
    ('0.0312', '<0.0001')
    """
    return "<0.0001" if p < 0.0001 else decimal(p, 4)
