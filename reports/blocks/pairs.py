"""Block: differences between indicators that exceed chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import TAU
from untrained.reports.tables.grid import Cell, Column, Grid
from untrained.reports.tables.numbers import MISSING, confidence_level

if TYPE_CHECKING:
    from untrained.results import CorrelationTable, PairComparison, TableRow

LONGEST_LIST = 6


@report_block("pairs", of=Section, order=30)
def pairs_part(section: Section) -> Part | None:
    """Make the part of one section; None if no pair has a p-value."""
    table = section.table
    known = [pair for pair in table.pairs if not math.isnan(pair.p_holm)]
    if not known:
        return None
    level = 1 - table.confidence
    noise = ", and the common noise of the batch" if any(row.batch for row in table.rows) else ""
    columns = (
        Column("indicator", "Indicator", "row.indicator", kind="code"),
        Column("tau", f"{TAU}-b", "row.correlation.tau", interval=True),
        Column("better_than", "better than", "better"),
        Column("worse_than", "worse than", "worse"),
        Column("not_told_apart", "not told apart from", _names, kind="code"),
    )
    return Part(
        "pairs",
        "Which indicators differ",
        f"Paired bootstrap of the difference of {TAU}-b for each of {len(known):,} pairs, "
        f"adjusted for their number by Holm's method; a pair is told apart at a family-wise level "
        f"of {confidence_level(level)}. p takes the difference over its bootstrap standard error"
        f"{noise} for normal.",
        Grid("told-apart", columns, list(_lines(table, known, level))),
        full=Grid("pairs", _PAIR, table.pairs),
    )


_PAIR = (
    Column("first", kind="code"),
    Column("second", kind="code"),
    Column("n"),
    Column("delta", interval=True),
    Column("p"),
    Column("p_holm"),
)


class _Line(NamedTuple):
    """An indicator beside all others."""

    row: TableRow
    better: int
    """Number of indicators that are worse."""
    worse: int
    alike: list[str]
    """The indicators that it is not told apart from."""


def _lines(table: CorrelationTable, pairs: list[PairComparison], level: float) -> Iterator[_Line]:
    for row in table.ranked:
        name = row.indicator
        # pairs are turned round, so that a positive difference is this row's advantage
        signed = [
            (pair.second, pair.delta, pair.p_holm)
            if pair.first == name
            else (pair.first, -pair.delta, pair.p_holm)
            for pair in pairs
            if name in (pair.first, pair.second)
        ]
        if signed:
            yield _Line(
                row,
                sum(p <= level and delta > 0 for _, delta, p in signed),
                sum(p <= level and delta < 0 for _, delta, p in signed),
                [other for other, _, p in signed if p > level],
            )


def _names(line: _Line) -> Cell:
    text = ", ".join(line.alike[:LONGEST_LIST])
    if len(line.alike) > LONGEST_LIST:
        text += f" and {len(line.alike) - LONGEST_LIST} more"
    return Cell(text or MISSING, " ".join(line.alike) or None)
