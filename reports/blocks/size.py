"""How much of each correlation is the size of the network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import MINUS, RHO, TAU
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words

if TYPE_CHECKING:
    from untrained.results import PartialCorrelation, SizeBias, TableRow

_NO_CELL = words("")


@report_block("size-bias", of=Section, order=20)
def size_part(section: Section) -> Part | None:
    """The part of one section; None where no row was compared with sizes."""
    rows = [row for row in section.table.ranked if row.size_bias or row.best_baseline]
    if not rows:
        return None
    biases = [row.size_bias for row in rows if row.size_bias]
    sizes = tuple(dict.fromkeys(name for bias in biases for name, _ in bias.rho_with))
    given = tuple(dict.fromkeys(partial.given for bias in biases for partial in bias.partial))
    binned = next((bias.bins.size for bias in biases if bias.bins), "")
    grid = paired(
        "size-bias",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("n", "n"),
            *(GridColumn(f"rho_with_{size}", f"{RHO} with {size}") for size in sizes),
            GridColumn("rho", f"{RHO} with truth", interval=True, aside=True),
            *(column for those in given for column in _given_columns(those)),
            GridColumn("tau", f"{TAU}-b with truth", interval=True, aside=True),
            *(
                [GridColumn("tau_in_bins", f"{TAU}-b at equal {binned}", _BINS_NOTE)]
                if binned
                else []
            ),
            GridColumn("baseline", "best baseline", kind="text", code=True),
            GridColumn("delta", f"{TAU} {MINUS} baseline", _BASELINE_NOTE, interval=True),
        ),
        tuple(_line(row, sizes, given, binned=bool(binned)) for row in rows),
    )
    return Part(
        "size-bias",
        "Size bias",
        "What is left of a rank correlation when the ranks of the sizes are held fixed: a partial "
        "correlation near zero says that the indicator orders networks by their size.",
        grid,
        (_figure(rows, given),) if given else (),
    )


_BINS_NOTE = "mean over bins of about equally many networks of like size"
_BASELINE_NOTE = "difference to the best of params, flops, depth and random, resampled in pairs"


def _given_columns(given: tuple[str, ...]) -> tuple[GridColumn, ...]:
    key, names = "_".join(given), " and ".join(given)
    return (
        GridColumn(f"rho_given_{key}", f"{RHO} given {names}", interval=True),
        GridColumn(f"tau_given_{key}", f"{TAU}-b given {names}", interval=True, aside=True),
    )


def _line(
    row: TableRow, sizes: tuple[str, ...], given: tuple[tuple[str, ...], ...], *, binned: bool
) -> tuple[Cell, ...]:
    c, bias, against = row.correlation, row.size_bias, row.best_baseline
    with_sizes = dict(bias.rho_with) if bias else {}
    cells = [words(c.indicator), whole_number(c.n)]
    cells += [number(with_sizes.get(size, math.nan)) for size in sizes]
    cells.append(number(c.rho, low=c.rho_low, high=c.rho_high))
    for those in given:
        one = _partial(bias, those)
        cells += (
            [
                number(one.rho, low=one.rho_low, high=one.rho_high),
                number(one.tau, low=one.tau_low, high=one.tau_high),
            ]
            if one
            else [_NO_CELL] * 2
        )
    cells.append(number(c.tau, low=c.tau_low, high=c.tau_high))
    if binned:
        cells.append(number(bias.bins.tau if bias and bias.bins else math.nan))
    if against:
        delta = number(against.delta, sign=True, low=against.delta_low, high=against.delta_high)
        return (*cells, words(against.baseline), delta)
    return (*cells, _NO_CELL, _NO_CELL)


def _partial(bias: SizeBias | None, given: tuple[str, ...]) -> PartialCorrelation | None:
    return next((one for one in bias.partial if one.given == given), None) if bias else None


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
