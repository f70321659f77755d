"""Block: published values of a table's indicators beside measured ones."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, Column, Grid, Value
from untrained.reports.tables.numbers import decimal
from untrained.results import Comparison, CorrelationTable, PublishedValue
from untrained.results.comparison.published import MARGIN

MEANING = (
    f"within {MARGIN}: whether the whole interval of the measured value is that close to the "
    "published one (yes), further away (no), or neither (cannot say). Initialisation, images, data "
    "splits and training target may differ. "
    "abs.: printed without sign by its authors."
)


@report_block("published", of=Section, order=70)
def published_part(section: Section) -> Part | None:
    """Show the published values of a section's indicators; None if there are none."""
    lines = published_lines(section.table)
    if not lines:
        return None
    columns = (
        Column("indicator", "Indicator", "published.indicator", kind="code"),
        *_metric_columns("tau", TAU, "kendall"),
        *_metric_columns("rho", RHO, "spearman"),
        Column("n", "n", lambda line: line.published.n or None),
        Column("target", "target", "published.target", kind="text"),
        Column("source", "source", "published.source", kind="text"),
        Column("note", "note", "published.note", kind="text", aside=True),
    )
    return Part(
        "published", "Published beside measured", MEANING, Grid("published", columns, lines)
    )


class PublishedLine(NamedTuple):
    """Values of one indicator in one source."""

    published: PublishedValue
    """Any of its values."""
    values: dict[str, Comparison]
    """Values by metric: `kendall`, `spearman`."""


def published_lines(table: CorrelationTable) -> list[PublishedLine]:
    """Write one line for each indicator and source, in the order of the table's rows."""
    groups: dict[tuple[object, ...], dict[str, Comparison]] = {}
    for row in table.ranked:
        for item in table.published:
            p = item.published
            if p.indicator != row.indicator:
                continue
            key = (p.indicator, p.source, p.n, p.target, p.note)
            group = groups.setdefault(key, {})
            if p.metric in group:  # the same source printed two values of one thing
                group = groups.setdefault((*key, p.value), {})
            group[p.metric] = item
    return [PublishedLine(next(iter(one.values())).published, one) for one in groups.values()]


def _metric_columns(name: str, symbol: str, metric: str) -> tuple[Column, ...]:
    def printed(line: PublishedLine) -> Value:
        item = line.values.get(metric)
        if item is None:
            return None
        value = item.published.value
        return Cell(f"{decimal(value)} abs.", value) if item.published.absolute else value

    def measured(line: PublishedLine) -> Value:
        item = line.values.get(metric)
        return (item.measured, item.low, item.high) if item else None

    def read(line: PublishedLine, *, name: str) -> Value:
        return getattr(line.values.get(metric), name, None)

    return (
        Column(f"{name}_published", f"{symbol} published", printed),
        Column(name, f"{symbol} here", measured, interval=True),
        Column(f"{name}_within", f"within {MARGIN}", partial(read, name="within"), kind="text"),
        Column(
            f"{name}_z",
            f"z of {symbol}",
            partial(read, name="z"),
            "difference over the standard error of both samplings, where both numbers are known",
            places=1,
            sign=True,
            aside=True,
        ),
    )
