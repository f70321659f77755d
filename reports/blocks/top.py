"""How well indicators order the best architectures, beside what training noise allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words
from untrained.reports.tables.numbers import estimate

if TYPE_CHECKING:
    from untrained.results import Ceiling, CorrelationTable, TableRow, TopRanking, TopSlice

_NO_CELL = words("")


@report_block("top", of=Section, order=10)
def top_part(section: Section) -> Part | None:
    """The part of one section; None where no row looks at the top of its ranking."""
    table = section.table
    rows = [(row, row.top) for row in table.ranked if row.top is not None]
    if not rows:
        return None
    fractions = sorted({one.fraction for _, top in rows for one in top.slices})
    picks = sorted({pick.k for _, top in rows for pick in top.picks})
    grid = paired(
        "top",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("n", "n"),
            GridColumn("tau_weighted", f"weighted {TAU}", "disagreement at the top counts most"),
            *(
                column
                for fraction in fractions
                for column in _slice_columns(fraction, widest=fraction == fractions[-1])
            ),
            *(column for k in picks for column in _pick_columns(k)),
        ),
        tuple(_line(row, top, fractions, picks) for row, top in rows),
    )
    return Part(
        "top",
        "The top of the ranking",
        "Slices are the best of the population by the truth; precision and nDCG compare the best "
        "by score with them. Regret is in the unit of the target: what the best network has over "
        "the best of those picked, expected where scores tie. A coefficient inside a slice is "
        "small even for a perfect indicator: training noise reorders close networks, and the "
        "ceiling says how much.",
        grid,
        (_figure(table, rows, fractions),),
        notes=(*ceiling_lines(table), *_interval_lines(table)),
    )


def ceiling_lines(table: CorrelationTable) -> Iterator[str]:
    """A sentence for each noise ceiling of a table."""
    for one in table.ceilings:
        inside = "".join(
            f"; in the best {_share(s.fraction)} {TAU}-b "
            f"{estimate(s.tau, s.tau_low, s.tau_high)} (n = {s.n:,})"
            for s in one.slices
        )
        yield (
            f"noise ceiling, {one.first} against {one.second}: {TAU}-b "
            f"{estimate(one.tau, one.tau_low, one.tau_high)}, {RHO} "
            f"{estimate(one.rho, one.rho_low, one.rho_high)} (n = {one.n:,}){inside}"
        )


def _interval_lines(table: CorrelationTable) -> Iterator[str]:
    if table.interval != "percentile" and table.resamples:
        yield "intervals of the slices are percentile intervals, whatever those of the table are"


def _share(fraction: float) -> str:
    return f"{fraction * 100:g} %"


def _slice_columns(fraction: float, *, widest: bool) -> tuple[GridColumn, ...]:
    """Documents show the widest slice, and what is left of tau in the one before."""
    share = _share(fraction)
    key = f"top_{fraction * 100:g}".replace(".", "_")
    small = not widest
    return (
        GridColumn(f"{key}_tau", f"{TAU}-b, best {share}", interval=True, aside=fraction < 0.05),
        GridColumn(f"{key}_rho", f"{RHO}, best {share}", interval=True, aside=True),
        GridColumn(f"{key}_precision", f"precision, {share}", interval=True, aside=small),
        GridColumn(f"{key}_ndcg", f"nDCG, {share}", aside=small),
        GridColumn(f"{key}_n", f"n, best {share}", aside=True),
    )


def _pick_columns(k: int) -> tuple[GridColumn, ...]:
    return (
        GridColumn(f"regret_{k}", f"regret, best of {k}" if k > 1 else "regret of the first"),
        GridColumn(f"rank_{k}", f"rank, best of {k}" if k > 1 else "rank of the first", aside=True),
    )


def _line(
    row: TableRow, top: TopRanking, fractions: list[float], picks: list[int]
) -> tuple[Cell, ...]:
    cells: list[Cell] = [
        words(row.correlation.indicator),
        whole_number(top.n),
        number(top.tau_weighted),
    ]
    for fraction in fractions:
        cells += _slice_cells(top.slice_of(fraction))
    by_k = {pick.k: pick for pick in top.picks}
    for k in picks:
        pick = by_k.get(k)
        cells += [number(pick.regret, 2), number(pick.rank, 0)] if pick else [_NO_CELL] * 2
    return tuple(cells)


def _slice_cells(one: TopSlice | None) -> list[Cell]:
    if one is None:
        return [_NO_CELL] * 5
    return [
        number(one.tau, low=one.tau_low, high=one.tau_high),
        number(one.rho, low=one.rho_low, high=one.rho_high),
        number(one.precision, low=one.precision_low, high=one.precision_high),
        number(one.ndcg),
        whole_number(one.n),
    ]


def _figure(
    table: CorrelationTable, rows: list[tuple[TableRow, TopRanking]], fractions: list[float]
) -> Figure:
    ceiling = table.ceilings[0] if table.ceilings else None
    whole = Dots(
        "all networks",
        tuple(row.correlation.tau for row, _ in rows),
        tuple(row.correlation.tau_low for row, _ in rows),
        tuple(row.correlation.tau_high for row, _ in rows),
        limit=ceiling.tau if ceiling else math.nan,
    )
    slices = [
        Dots(
            f"best {_share(fraction)}",
            tuple(one.tau if one else math.nan for one in found),
            tuple(one.tau_low if one else math.nan for one in found),
            tuple(one.tau_high if one else math.nan for one in found),
            limit=_limit(ceiling, fraction),
        )
        for fraction in fractions[::-1][:2]  # the smallest slices hold too few networks to plot
        if (found := [top.slice_of(fraction) for _, top in rows])
    ]
    return dot_rows(
        [row.correlation.indicator for row, _ in rows],
        [whole, *slices],
        name="top",
        text="Kendall's tau-b among all networks and among the best of them",
        x_label="Kendall tau-b" + ("; vertical lines: noise ceiling" if ceiling else ""),
    )


def _limit(ceiling: Ceiling | None, fraction: float) -> float:
    for one in ceiling.slices if ceiling else ():
        if math.isclose(one.fraction, fraction):
            return one.tau
    return math.nan
