"""Which differences between indicators are more than chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import TAU
from untrained.reports.tables.grid import (
    Cell,
    GridColumn,
    number,
    paired,
    probability,
    whole_number,
    words,
)
from untrained.reports.tables.numbers import MISSING, confidence_level

if TYPE_CHECKING:
    from untrained.results import CorrelationTable, PairComparison

LONGEST_LIST = 6


@report_block("pairs", of=Section, order=30)
def pairs_part(section: Section) -> Part | None:
    """The part of one section; None where no pair has a p-value."""
    table = section.table
    known = [pair for pair in table.pairs if not math.isnan(pair.p_holm)]
    if not known:
        return None
    level = 1 - table.confidence
    grid = paired(
        "told-apart",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("tau", f"{TAU}-b", interval=True),
            GridColumn("better_than", "better than"),
            GridColumn("worse_than", "worse than"),
            GridColumn("not_told_apart", "not told apart from", kind="text", code=True),
        ),
        tuple(_lines(table, known, level)),
    )
    full = paired(
        "pairs",
        (
            GridColumn("first", "First", kind="text", code=True),
            GridColumn("second", "Second", kind="text", code=True),
            GridColumn("n", "n"),
            GridColumn("delta", f"difference of {TAU}", interval=True),
            GridColumn("p", "p"),
            GridColumn("p_holm", "p, Holm"),
        ),
        tuple(_pair(pair) for pair in table.pairs),
    )
    return Part(
        "pairs",
        "Which indicators differ",
        f"Paired bootstrap of the difference of {TAU}-b for each of {len(known):,} pairs, "
        f"adjusted for their number by Holm's method; a pair is told apart at a family-wise level "
        f"of {confidence_level(level)}. p takes the difference over its bootstrap standard error "
        "for normal.",
        grid,
        full=full,
    )


def _lines(
    table: CorrelationTable, pairs: list[PairComparison], level: float
) -> list[tuple[Cell, ...]]:
    lines: list[tuple[Cell, ...]] = []
    for row in table.ranked:
        c = row.correlation
        signed = [
            (pair.second, pair.delta, pair.p_holm)
            if pair.first == c.indicator
            # turned round, so that a positive difference is this row's advantage
            else (pair.first, -pair.delta, pair.p_holm)
            for pair in pairs
            if c.indicator in (pair.first, pair.second)
        ]
        if not signed:
            continue
        alike = [name for name, _, p in signed if p > level]
        text = ", ".join(alike[:LONGEST_LIST])
        if len(alike) > LONGEST_LIST:
            text += f" and {len(alike) - LONGEST_LIST} more"
        lines.append(
            (
                words(c.indicator),
                number(c.tau, low=c.tau_low, high=c.tau_high),
                whole_number(sum(1 for _, delta, p in signed if p <= level and delta > 0)),
                whole_number(sum(1 for _, delta, p in signed if p <= level and delta < 0)),
                Cell(text or MISSING, " ".join(alike) or None),
            )
        )
    return lines


def _pair(pair: PairComparison) -> tuple[Cell, ...]:
    return (
        words(pair.first),
        words(pair.second),
        whole_number(pair.n),
        number(pair.delta, sign=True, low=pair.delta_low, high=pair.delta_high),
        Cell(probability(pair.p), pair.p),
        Cell(probability(pair.p_holm), pair.p_holm),
    )
