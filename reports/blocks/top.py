"""Block: ranking of the best architectures, beside the limit by training noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import INDICATOR, Column, Grid, estimate_of
from untrained.reports.tables.numbers import estimate
from untrained.results.statistics.top import MIN_SLICE, shown, slice_of

if TYPE_CHECKING:
    from untrained.results import Ceiling, CorrelationTable, Pick, TableRow, TopRanking


@report_block("top", of=Section, order=10)
def top_part(section: Section) -> Part | None:
    """Make the part of one section; None if no row has statistics of the top of its ranking."""
    table = section.table
    rows = [(row, row.top) for row in table.ranked if row.top is not None]
    if not rows:
        return None
    fractions = sorted({one.fraction for _, top in rows for one in shown(top.slices)})
    picks = sorted({pick.k for _, top in rows for pick in top.picks})
    columns = (
        INDICATOR,
        Column("n", "n", "top.n"),
        Column(
            "tau_weighted",
            f"weighted {TAU}",
            "top.tau_weighted",
            "disagreement at the top counts most",
        ),
        *(
            column
            for fraction in fractions
            for column in _slice_columns(fraction, widest=fraction == fractions[-1])
        ),
        *(column for k in picks for column in _pick_columns(k)),
    )
    return Part(
        "top",
        "The top of the ranking",
        "Slices are the best of the population by the truth; precision and nDCG compare the best "
        "by score with them. Regret is in the unit of the target: what the best network has over "
        "the best of those picked, expected where scores tie. A coefficient inside a slice is "
        "small even for a perfect indicator: training noise reorders close networks, and the "
        f"ceiling says how much. Slices of fewer than {MIN_SLICE} networks are left out.",
        Grid("top", columns, [row for row, _ in rows]),
        (_figure(table, rows, fractions),),
        notes=tuple(_notes(table)),
    )


def _notes(table: CorrelationTable) -> Iterator[str]:
    for one in table.ceilings:
        inside = "".join(
            f"; in the best {_share(s.fraction)} {TAU}-b "
            f"{estimate(s.tau, s.tau_low, s.tau_high)} (n = {s.n:,})"
            for s in shown(one.slices)
        )
        yield (
            f"{ceiling_name(one)}: {TAU}-b "
            f"{estimate(one.tau, one.tau_low, one.tau_high)}, {RHO} "
            f"{estimate(one.rho, one.rho_low, one.rho_high)} (n = {one.n:,}){inside}"
        )
    if table.interval != "percentile" and table.resamples:
        yield "intervals of the slices are percentile intervals, whatever those of the table are"


def ceiling_name(one: Ceiling) -> str:
    """What the numbers of a ceiling are, without them."""
    if one.perfect:
        return f"ceiling, {one.first} of {one.second} under the noise of its own training"
    return f"{one.first} in place of an indicator"


def perfect_of(ceilings: Sequence[Ceiling]) -> Ceiling | None:
    """The ceiling of a perfect predictor, if there is one."""
    return next((one for one in ceilings if one.perfect), None)


def ceiling_inside(ceiling: Ceiling | None, fraction: float) -> float:
    """The tau-b of a ceiling inside a slice; NaN where there is none that is shown."""
    found = slice_of(ceiling.slices, fraction) if ceiling else None
    return found.tau if found else math.nan


def _share(fraction: float) -> str:
    return f"{fraction * 100:g} %"


def _slice_columns(fraction: float, *, widest: bool) -> tuple[Column, ...]:
    """Make the columns of the widest slice, and of the share of tau in the slice before."""
    share = _share(fraction)
    key = f"top_{fraction * 100:g}".replace(".", "_")
    small = not widest

    def interval(name: str, heading: str, *, aside: bool) -> Column:
        return Column(
            f"{key}_{name}",
            heading,
            lambda row: estimate_of(row.top.slice_of(fraction), name),
            interval=True,
            aside=aside,
        )

    def number(name: str, heading: str, *, aside: bool) -> Column:
        return Column(
            f"{key}_{name}",
            heading,
            lambda row: getattr(row.top.slice_of(fraction), name, None),
            aside=aside,
        )

    return (
        interval("tau", f"{TAU}-b, best {share}", aside=fraction < 0.05),
        interval("rho", f"{RHO}, best {share}", aside=True),
        interval("precision", f"precision, {share}", aside=small),
        number("ndcg", f"nDCG, {share}", aside=small),
        number("n", f"n, best {share}", aside=True),
    )


def _pick_columns(k: int) -> tuple[Column, Column]:
    which = f"best of {k}" if k > 1 else "the first"
    of = ", " if k > 1 else " of "

    def pick(row: TableRow) -> Pick | None:
        return next((one for one in row.top.picks if one.k == k), None) if row.top else None

    return (
        Column(
            f"regret_{k}",
            f"regret{of}{which}",
            lambda row: getattr(pick(row), "regret", None),
            places=2,
        ),
        Column(
            f"rank_{k}",
            f"rank{of}{which}",
            lambda row: getattr(pick(row), "rank", None),
            places=0,
            aside=True,
        ),
    )


def _figure(
    table: CorrelationTable, rows: list[tuple[TableRow, TopRanking]], fractions: list[float]
) -> Figure:
    ceiling = perfect_of(table.ceilings)
    whole = Dots.of(
        "all networks",
        [row.correlation for row, _ in rows],
        "tau",
        limit=ceiling.tau if ceiling else math.nan,
    )
    slices = [
        Dots.of(
            f"best {_share(fraction)}",
            [top.slice_of(fraction) for _, top in rows],
            "tau",
            limit=ceiling_inside(ceiling, fraction),
        )
        for fraction in fractions[::-1][:2]  # the smallest slices hold too few networks to plot
    ]
    return dot_rows(
        [row.correlation.indicator for row, _ in rows],
        [whole, *slices],
        name="top",
        text="Kendall's tau-b among all networks and among the best of them",
        x_label="Kendall tau-b" + ("; vertical lines: a perfect predictor" if ceiling else ""),
    )
