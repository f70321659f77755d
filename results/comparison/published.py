"""Published rank correlations with their sources, compared with measured ones."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from statistics import NormalDist
from typing import Any, Literal

from untrained.foundation import MalformedInput
from untrained.results.statistics.correlation import CorrelationRow

Equivalence = Literal["yes", "no", "cannot say"]

MARGIN = 0.05
"""Two coefficients that differ by less are the same for a reader who compares indicators."""

METRICS = {"kendall": "tau", "spearman": "rho"}
"""Metric of a published value: Kendall's tau or Spearman's rho."""


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """One printed rank correlation.

    Positive means that the indicator ranks in the direction it claims, except where `absolute`
    says that the authors dropped the sign.
    """

    space: str
    dataset: str
    indicator: str
    """Our id where the indicator is ours, else a name of the source's."""
    metric: str
    """`kendall` or `spearman`."""
    value: float
    n: int | None
    """Architectures ranked; None where the source does not say."""
    target: str
    """`validation accuracy`, `test accuracy`, or empty where the source does not say."""
    absolute: bool
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published value and the measured one of the same space, dataset, indicator and metric."""

    published: PublishedValue
    measured: float
    low: float
    high: float
    """Bootstrap interval of the measured value."""
    z: float
    """(measured - published) over the standard error of both; NaN without an interval, and where
    the number of architectures of the published value is unknown.

    The error of the measured value is read off its interval. That of the published one is the
    same scaled to its number of architectures; it is zero where that is the whole space. Both
    shrink with the share of the space that was ranked. Different initialisations, images and
    targets are not in it: a large z says that the two numbers differ, not that one is wrong.
    """
    within: Equivalence = "cannot say"
    """Whether the measured value is within `MARGIN` of the published one: `yes` and `no` where the
    whole interval is within or outside, else `cannot say`."""


COLUMNS = tuple(field.name for field in fields(PublishedValue))


def reference_rows(name: str, text: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of a file of reference values that has these columns and no others.

    Raises:
        MalformedInput: it has other columns.
    """
    reader = csv.DictReader(text.splitlines())
    found = list(reader.fieldnames or ())
    for problem, names in (
        ("unknown", [one for one in found if one not in columns]),
        ("missing", [one for one in columns if one not in found]),
    ):
        if names:
            raise MalformedInput(
                f"cannot read {name}: {problem} column {names[0]!r}. Its columns are "
                f"{', '.join(columns)}; rename or remove the others."
            )
    return list(reader)


@cache
def _all() -> tuple[PublishedValue, ...]:
    file = files("untrained.results") / "committed" / "reference" / "published.csv"
    rows: list[dict[str, Any]] = [
        *reference_rows("published.csv", file.read_text("utf-8"), COLUMNS)
    ]
    for row in rows:
        row["value"] = float(row["value"])
        row["n"] = int(row["n"]) if row["n"] else None
        row["absolute"] = row["absolute"] == "yes"
    return tuple(PublishedValue(**row) for row in rows)


def published_values(
    *,
    space: str | None = None,
    dataset: str | None = None,
    indicator: str | None = None,
    metric: str | None = None,
) -> list[PublishedValue]:
    """Select published values, sorted by space, dataset, indicator, metric and source."""
    wanted = {"space": space, "dataset": dataset, "indicator": indicator, "metric": metric}
    return [
        item
        for item in _all()
        if all(value is None or getattr(item, name) == value for name, value in wanted.items())
    ]


def compare_published(
    row: CorrelationRow, *, space: str, dataset: str, confidence: float, size: int | None = None
) -> Iterator[Comparison]:
    """Compare a measured row with each published value of its indicator.

    Args:
        size: architectures in the space; None where they cannot be counted.
    """
    for item in published_values(space=space, dataset=dataset, indicator=row.indicator):
        yield compare(item, row, confidence=confidence, size=size)


def compare(
    item: PublishedValue, row: CorrelationRow, *, confidence: float, size: int | None = None
) -> Comparison:
    """Compare a published value with a measured row; the arguments are those of the rows."""
    name = METRICS[item.metric]
    measured = float(getattr(row, name))
    low, high = float(getattr(row, f"{name}_low")), float(getattr(row, f"{name}_high"))
    error = (high - low) / (2 * NormalDist().inv_cdf((1 + confidence) / 2))
    own, ends = (measured, (low, high))
    if item.absolute:
        own, ends = abs(measured), _absolute(low, high)
    z = math.nan
    if item.n:
        of_both = _unseen(row.n, size) + row.n / item.n * _unseen(item.n, size)
        variance = error**2 * of_both
        z = (own - item.value) / math.sqrt(variance) if variance > 0 else math.nan
    return Comparison(item, measured, low, high, z, equivalence(*ends, item.value))


def equivalence(low: float, high: float, value: float, margin: float = MARGIN) -> Equivalence:
    """Tell whether an interval says that what it is of is within a margin of a value."""
    if value - margin <= low and high <= value + margin:
        return "yes"
    return "no" if high < value - margin or value + margin < low else "cannot say"


def _absolute(low: float, high: float) -> tuple[float, float]:
    """Compute the ends of the interval of an absolute value."""
    ends = sorted((abs(low), abs(high)))
    return (0.0 if low < 0 < high else ends[0], ends[1])


def _unseen(n: int, size: int | None) -> float:
    """Compute the finite-population factor of a variance: 0 once the whole space is ranked."""
    return 1.0 if size is None else max(0.0, (size - n) / (size - 1))
