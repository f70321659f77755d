"""Dependence of an indicator's ranking on the seed, on the batch and on conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import set_rows
from untrained.reports.figures.drawing import BLUE, GREY, Figure
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import MINUS, RHO, TAU
from untrained.reports.tables.grid import INDICATOR, Column, Grid
from untrained.reports.tables.numbers import listing

if TYPE_CHECKING:
    import matplotlib.figure

    from untrained.results import FactorEffect, FactorLevel, Stability, TableRow


@report_block("stability", of=Section, order=60)
def stability_part(section: Section) -> Part | None:
    """Make the part of one section; None if no indicator has several seeds."""
    rows = [(row, row.stability) for row in section.table.ranked if row.stability is not None]
    if not rows:
        return None
    columns = (
        INDICATOR,
        Column("n", "n", "stability.n", "networks scored under every seed"),
        Column("seeds", "seeds", lambda row: listing(row.stability.seeds), kind="text"),
        Column("rho", f"{RHO} between seeds", "stability.rho", "mean over pairs of seeds"),
        Column("rho_min", "worst pair", "stability.rho_min"),
        Column("tau_mean", f"mean {TAU}-b", "stability.tau_mean", "over seeds, one at a time"),
        Column("tau_sd", "sd", "stability.tau_sd", "between seeds", places=4),
    )
    # the rows of a table name the seeds that their own tau-b is about
    own = "the first of them"
    if any(len(row.seeds) > 1 for row, _ in rows):
        own = "the mean over seeds, which is less noisy than one seed"
    return Part(
        "stability",
        "Stability over seeds",
        f"The same networks scored under several seeds: {RHO} compares the scores of two seeds, "
        f"{TAU}-b those of one seed with the truth. A table's own {TAU}-b is that of {own}.",
        Grid("stability", columns, [row for row, _ in rows]),
        (_figure(rows),),
    )


@report_block("batches", of=Section, order=65)
def batches_part(section: Section) -> Part | None:
    """The noise of the batch; None where no other batch was drawn."""
    rows = [row for row in section.table.ranked if row.batch is not None]
    if not rows:
        return None
    columns = (
        INDICATOR,
        Column("batches", "batches", "batch.draws"),
        Column("n", "n", "batch.n", "networks scored for every batch"),
        Column("tau_sd_of_part", f"sd of {TAU}-b", "batch.tau_of_part", "of these", places=4),
        Column("tau_sd", f"common sd of {TAU}-b", "batch.tau", "of all networks", places=4),
        Column("rho_sd", f"of {RHO}", "batch.rho", places=4),
        Column("delta_sd", f"of {TAU} {MINUS} params", "batch.delta", places=4),
    )
    return Part(
        "batches",
        "Noise of the batch",
        "A part of the networks scored for several batches. What a batch does to each network by "
        "itself shrinks with their number, and resamples of networks contain it. What it does to "
        "all of them in common does not: the variance between batches less that of single "
        "networks (a jackknife), which the intervals of the correlation table contain in "
        "quadrature.",
        Grid("batches", columns, rows),
    )


def _figure(rows: list[tuple[TableRow, Stability]]) -> Figure:
    names = [row.correlation.indicator for row, _ in rows]

    def draw(figure: matplotlib.figure.Figure) -> None:
        import seaborn as sns

        axes = figure.add_subplot()
        taus = pd.DataFrame([one.taus for _, one in rows]).T
        common = {"orient": "h", "color": BLUE, "ax": axes}
        sns.stripplot(taus, jitter=False, size=3.5, alpha=0.7, **common)
        # the bar is the mean, the line reaches from the least to the largest
        look = {"linestyle": "none", "marker": "|", "markersize": 8, "markeredgewidth": 1.2}
        err = {"color": GREY, "linewidth": 0.7}
        sns.pointplot(taus, errorbar=("pi", 100), err_kws=err, **look, **common)
        set_rows(axes, names, "Kendall tau-b of each seed; bar: their mean")

    text = "Kendall's tau-b of each indicator under each seed"
    return Figure("stability", text, (5.6, 0.9 + 0.2 * len(rows)), draw)


class _Line(NamedTuple):
    effect: FactorEffect
    level: FactorLevel


def factor_part(effects: Sequence[FactorEffect]) -> Part:
    """Make the part of a factorial study."""
    columns = (
        Column("indicator", "Indicator", "effect.indicator", kind="code"),
        Column("factor", "Factor", "effect.factor", kind="code"),
        Column("level", "Level", "level.level", "the first is the study's own", kind="code"),
        Column("n", "n", "effect.n", "networks scored under every combination"),
        Column("tau", f"mean {TAU}-b", "level.tau", "over all settings of the other factors"),
        Column(
            "effect",
            "effect",
            "level.effect",
            f"on {TAU}-b: difference to the mean of all",
            sign=True,
        ),
        Column(
            "agreement", f"{RHO} with the first level", "level.agreement", "all other factors equal"
        ),
        Column(
            "share",
            "share",
            "effect.share",
            f"of the variance of {TAU}-b between all combinations",
            places=2,
        ),
    )
    rows = [_Line(effect, level) for effect in effects for level in effect.levels]
    return Part(
        "conditions",
        "Sensitivity to conditions",
        "The same networks scored under every combination of the levels. `own` leaves a condition "
        "to the indicator's protocol. Agreement compares the scores under two levels: near 1, the "
        "condition does not matter, whatever the truth.",
        Grid("conditions", columns, rows),
    )
