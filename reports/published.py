"""What the literature prints for a table's indicators, beside what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.reports.columns import RHO, TAU
from untrained.reports.numbers import MISSING, count, decimal, estimate

if TYPE_CHECKING:
    from untrained.results import Comparison, CorrelationTable

HEADING = "Published beside measured"
COLUMNS = (
    *("Indicator", f"{TAU} published", f"{TAU} here", "z"),
    *(f"{RHO} published", f"{RHO} here", "z", "n", "target", "source"),
)
MEANING = (
    "z: difference over the standard error of both samplings of architectures; initialisation, "
    "images, data splits and training target differ too and are not in it. "
    "abs.: printed without sign by its authors."
)


NUMBERS = slice(1, 8)
"""The columns that hold numbers alone."""


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """The values of one source for one indicator."""

    cells: tuple[str, ...]
    """One a column."""
    note: str
    """What the source says of them; may be empty."""


def published_lines(table: CorrelationTable) -> tuple[PublishedLine, ...]:
    """One line for each indicator and source, in the order of the table's rows."""
    groups: dict[tuple[object, ...], dict[str, Comparison]] = {}
    for row in table.ranked:
        for item in table.published:
            p = item.published
            if p.indicator != row.correlation.indicator:
                continue
            key = (p.indicator, p.source, p.n, p.target, p.note)
            group = groups.setdefault(key, {})
            if p.metric in group:  # the same source printed two values of one thing
                group = groups.setdefault((*key, p.value), {})
            group[p.metric] = item
    return tuple(_line(group) for group in groups.values())


def _line(group: dict[str, Comparison]) -> PublishedLine:
    some = next(iter(group.values())).published
    return PublishedLine(
        (
            some.indicator,
            *_cells(group.get("kendall")),
            *_cells(group.get("spearman")),
            count(some.n) if some.n else MISSING,
            some.target or MISSING,
            some.source,
        ),
        some.note,
    )


def _cells(item: Comparison | None) -> tuple[str, str, str]:
    if item is None:
        return (MISSING, MISSING, MISSING)
    printed = decimal(item.published.value)
    z = MISSING if math.isnan(item.z) else f"{item.z:+z.1f}"
    return (
        f"{printed} abs." if item.published.absolute else printed,
        estimate(item.measured, item.low, item.high),
        z,
    )
