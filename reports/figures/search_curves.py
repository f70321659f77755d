"""Curves of searches: best accuracy, logged values, rounds of pruning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from untrained.reports.figures.drawing import BLUE, GREY, INK, SERIES, Figure, drawable
from untrained.reports.pages.search_grids import heading
from untrained.results.searches.landscape import Logged, Pruning
from untrained.results.searches.runs import Curve
from untrained.results.searches.table import SearchTable

if TYPE_CHECKING:
    import matplotlib.figure


_DASHES = ("-", "--", "-.", ":")
_MARKED = 9


def anytime_figure(table: SearchTable) -> Figure | None:
    """One line a search; None where no cost is known.

    Args:
        table: its rows with a curve are drawn, in order.
    """
    curves = [
        (row.label, row.curve)
        for row in table.rows
        if row.curve is not None and row.cost_is_known and not np.isnan(row.curve.mean).all()
    ]
    if not curves or table.main < 0:
        return None
    column = table.columns[table.main]

    def draw(figure: matplotlib.figure.Figure) -> None:
        axes = figure.subplots()
        axes.set_xscale("log")
        for number, (label, curve) in enumerate(curves):
            colour, marker = SERIES[number % len(SERIES)]
            dashes = _DASHES[(number // len(SERIES)) % len(_DASHES)]
            axes.fill_between(
                curve.grid, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0
            )
            axes.plot(
                curve.grid,
                curve.mean,
                color=colour,
                linestyle=dashes,
                linewidth=1.2,
                marker=marker,
                markersize=3.5,
                # curves begin at different costs: their markers would hide each other
                markevery=(3 * number % 20, max(1, len(curve.grid) // _MARKED)),
                label=drawable(label),
            )
        axes.axhline(column.optimum, color="0.5", linewidth=0.6, linestyle=":")
        axes.set_xlabel("seconds spent by a run")
        axes.set_ylabel(f"{heading(column)} of the incumbent")
        axes.set_ylim(*_range([curve for _, curve in curves], column.optimum))
        axes.grid(axis="y", linewidth=0.3, alpha=0.5)
        axes.legend(loc="lower right" if column.higher_is_better else "upper right")

    text = f"{column.label} of the incumbent against cost, mean and middle 80 % of the runs"
    return Figure("anytime", text, (6.4, 4.0), draw)


def _range(curves: list[Curve], optimum: float) -> tuple[float, float]:
    """All means and the optimum: bands of the first steps, which reach far down, may be cut."""
    values = np.concatenate([curve.mean for curve in curves])
    values = np.append(values[~np.isnan(values)], [] if np.isnan(optimum) else [optimum])
    margin = 0.06 * (values.max() - values.min()) or 1.0
    return float(values.min() - margin), float(values.max() + margin)


_COLUMNS = 3
_HUGE = 50
"""Largest over smallest positive value above which an axis is logarithmic."""


def logged_figures(logged: Sequence[Logged]) -> tuple[Figure, ...]:
    """One figure with a panel for every series that any search has."""
    names = list(dict.fromkeys(name for one in logged for name in one.curves))
    # what all have comes first, the incumbent's accuracy last
    common = [name for name in names if all(name in one.curves for one in logged)]
    accuracy = [name for name in common if "accuracy" in name or "loss" in name]
    names = [
        *(name for name in common if name not in accuracy),
        *(name for name in names if name not in common),
        *accuracy,
    ]
    rows = math.ceil(len(names) / _COLUMNS)

    def draw(figure: matplotlib.figure.Figure) -> None:
        grid = figure.subplots(rows, _COLUMNS, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            means, bands = [], []
            for number, one in enumerate(logged):
                if name not in one.curves:
                    continue
                curve = one.curves[name]
                colour, marker = SERIES[number % len(SERIES)]
                axes.fill_between(
                    curve.grid, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0
                )
                axes.plot(
                    curve.grid,
                    curve.mean,
                    color=colour,
                    linestyle=_DASHES[number % len(_DASHES)],
                    linewidth=1.1,
                    marker=marker,
                    markersize=3,
                    markevery=(10 + 8 * number, 40),
                    label=drawable(one.label),
                )
                means.append(curve.mean[~np.isnan(curve.mean)])
                # the first networks are anything: their band may be cut
                settled = len(curve.grid) // 20
                bands += [curve.low[settled:], curve.high[settled:]]
            shown = np.concatenate(means)
            if not len(shown):
                continue
            if shown.min() > 0 and shown.max() > _HUGE * shown.min():
                axes.set_yscale("log")
            inside = np.concatenate([*bands, *means])
            axes.set_ylim(
                *_range_logged_figure(inside[~np.isnan(inside)], axes.get_yscale() == "log")
            )
            axes.set_title(drawable(name.replace("_", " ")))
            axes.grid(axis="y", linewidth=0.3, alpha=0.5)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("evaluations")
        handles = {
            text: handle
            for axes in grid.flat
            for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles.values(), handles.keys(), loc="outside upper left", ncols=len(handles)
        )

    text = f"{', '.join(names)} by evaluations, mean and middle 80 % of the runs"
    return (Figure("series", text, (7.0, 1.75 * rows + 0.4), draw),)


def _range_logged_figure(values: NDArray[np.float64], log: bool) -> tuple[float, float]:
    """A little more than the values."""
    low, high = float(values.min()), float(values.max())
    if log and low > 0:
        margin = (high / low) ** 0.05
        return low / margin, high * margin
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


"""Largest over smallest condition number above which its axis is logarithmic."""


def pruning_figures(prunings: Sequence[Pruning]) -> tuple[Figure, ...]:
    """One panel a search: rounds of the first run numbered from 0, those of the others faint."""
    if not prunings:
        return ()

    def draw(figure: matplotlib.figure.Figure) -> None:
        row = figure.subplots(1, len(prunings), squeeze=False)[0]
        for axes, pruning in zip(row, prunings, strict=True):
            for run in pruning.runs[1:]:
                axes.plot(*run.T, color=GREY, linewidth=0.5, alpha=0.6, marker=".", markersize=2.5)
            x, y = pruning.runs[0].T
            axes.plot(x, y, color=BLUE, linewidth=1.1, marker="o", markersize=4)
            for number, (left, bottom) in enumerate(pruning.runs[0]):
                axes.annotate(
                    str(number),
                    (left, bottom),
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize=7.5,
                    color=INK,
                )
            values = np.concatenate([run[:, 1] for run in pruning.runs])
            values = values[np.isfinite(values)]
            if len(values) and values.min() > 0 and values.max() > _HUGE * values.min():
                axes.set_yscale("log")
            axes.set_xlabel(f"{drawable(pruning.x_name.replace('_', ' '))} (R)")
            axes.set_ylabel(
                f"{drawable(pruning.y_name.replace('_', ' '))} (\N{GREEK SMALL LETTER KAPPA})"
            )
            axes.set_title(drawable(pruning.label))

    text = "Condition number against linear regions of the supernet before each round of pruning"
    return (Figure("pruning", text, (3.8 * len(prunings), 3.2), draw),)
