"""Block: share of each correlation that the size of the network explains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import MINUS, RHO, TAU
from untrained.reports.tables.grid import INDICATOR, Column, Grid, estimate_of
from untrained.results.statistics.size_bias import partial_given

if TYPE_CHECKING:
    from untrained.results import PartialCorrelation, SizeBias, TableRow


@report_block("size-bias", of=Section, order=20)
def size_part(section: Section) -> Part | None:
    """Make the part of one section; None if no row was compared with sizes."""
    rows = [row for row in section.table.ranked if row.size_bias or row.best_baseline]
    if not rows:
        return None
    biases = [row.size_bias for row in rows if row.size_bias]
    sizes = tuple(dict.fromkeys(name for bias in biases for name, _ in bias.rho_with))
    given = tuple(dict.fromkeys(partial.given for bias in biases for partial in bias.partial))
    binned = next((bias.bins.size for bias in biases if bias.bins), "")
    clean = any("clean_accuracy" in those for those in given)
    exact = any(bias.equal for bias in biases)
    at_size = (
        Column("tau_at_equal", f"{TAU}-b at equal {binned}", _tau_at_equal, _EQUAL_NOTE)
        if exact
        else Column("tau_in_bins", f"{TAU}-b at similar {binned}", _tau_in_bins, _BINS_NOTE)
    )
    columns = (
        INDICATOR,
        Column("n", "n", "correlation.n"),
        *(Column(f"rho_with_{size}", f"{RHO} with {size}", _rho_with(size)) for size in sizes),
        Column("rho", f"{RHO} with truth", "correlation.rho", interval=True, aside=True),
        *(column for those in given for column in _given_columns(those)),
        Column("tau", f"{TAU}-b with truth", "correlation.tau", interval=True, aside=True),
        *([at_size] if binned else ()),
        Column(
            "baseline",
            "best baseline",
            lambda row: row.best_baseline.baseline if row.best_baseline else None,
            kind="code",
        ),
        Column(
            "delta",
            f"{TAU} {MINUS} baseline",
            lambda row: estimate_of(row.best_baseline, "delta"),
            _BASELINE_NOTE,
            interval=True,
            sign=True,
        ),
    )
    return Part(
        "size-bias",
        "Size bias",
        "What is left of a rank correlation when the ranks of the sizes are held fixed: a partial "
        "correlation near zero says that the indicator orders networks by their size."
        + (_CLEAN_NOTE if clean else ""),
        Grid("size-bias", columns, rows),
        (_figure(rows, given),) if given else (),
    )


_CLEAN_NOTE = (
    " Given clean_accuracy: the accuracy without an attack is held fixed; near zero, the indicator "
    "says nothing of robustness that the accuracy does not."
)
_EQUAL_NOTE = "over the pairs of networks of exactly the same size"
_BINS_NOTE = "mean over bins of about equally many networks of like size"
_BASELINE_NOTE = "difference to the best of params, flops, depth and random, resampled in pairs"


def _given_columns(given: tuple[str, ...]) -> tuple[Column, ...]:
    key, names = "_".join(given), " and ".join(given)
    return (
        Column(
            f"rho_given_{key}",
            f"{RHO} given {names}",
            lambda row: estimate_of(_partial(row.size_bias, given), "rho"),
            interval=True,
        ),
        Column(
            f"tau_given_{key}",
            f"{TAU}-b given {names}",
            lambda row: estimate_of(_partial(row.size_bias, given), "tau"),
            interval=True,
            aside=True,
        ),
    )


def _rho_with(size: str) -> Callable[[TableRow], float | None]:
    return lambda row: dict(row.size_bias.rho_with).get(size) if row.size_bias else None


def _tau_at_equal(row: TableRow) -> float | None:
    return row.size_bias.equal.tau if row.size_bias and row.size_bias.equal else None


def _tau_in_bins(row: TableRow) -> float | None:
    return row.size_bias.bins.tau if row.size_bias and row.size_bias.bins else None


def _partial(bias: SizeBias | None, given: tuple[str, ...]) -> PartialCorrelation | None:
    return partial_given(bias.partial, given) if bias else None


def _figure(rows: list[TableRow], given: tuple[tuple[str, ...], ...]) -> Figure:
    shown = [row for row in rows if row.size_bias]
    series = [Dots(f"{RHO} with truth", tuple(row.correlation.rho for row in shown))]
    for those in given[:3]:
        found = [_partial(row.size_bias, those) for row in shown]
        values = tuple(one.rho if one else math.nan for one in found)
        series.append(Dots(f"given {' and '.join(those)}", values))
    return dot_rows(
        [row.correlation.indicator for row in shown],
        series,
        name="size-bias",
        text="Spearman's rho with the truth, raw and with sizes held fixed",
        x_label="Spearman rho, raw and partial",
        joined=True,
    )
