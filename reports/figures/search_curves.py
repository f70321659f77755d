"""Curves of searches: best accuracy, logged values, rounds of pruning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.reports.figures.drawing import BLUE, GREY, SERIES, Figure, drawable
from untrained.reports.pages.search_grids import heading
from untrained.results.searches.landscape import Logged, Pruning
from untrained.results.searches.runs import Curve
from untrained.results.searches.table import SearchTable

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes


def _draw_curves(axes: Axes, curves: Mapping[str, Curve], order: Sequence[str]) -> None:
    """Draw means as lines and the middle of the runs as bands, with a legend.

    Both are known already, where a mean is missing until all runs have a value.

    Args:
        axes: empty.
        curves: by search.
        order: of all searches, so that each looks the same in every panel.
    """
    import seaborn as sns

    looks = [SERIES[i % len(SERIES)] for i in range(len(order))]
    means = [
        pd.DataFrame({"x": curve.grid, "y": curve.mean, "search": search})
        for search, curve in curves.items()
    ]
    sns.lineplot(
        pd.concat(means, ignore_index=True),
        x="x",
        y="y",
        hue="search",
        hue_order=order,
        palette=[colour for colour, _ in looks],
        style="search",
        style_order=order,
        markers=[marker for _, marker in looks],
        errorbar=None,
        linewidth=1.2,
        markersize=3.5,
        markeredgewidth=0,
        ax=axes,
    )
    for i, line in enumerate(axes.lines):
        line.set_markevery((0.03 * i, 0.12))  # together they would hide each other
    for search, curve in curves.items():
        colour, _ = looks[order.index(search)]
        axes.fill_between(curve.grid, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
    axes.set(xlabel="", ylabel="")
    axes.grid(axis="y")


def _set_scale(axes: Axes, values: NDArray[np.float64]) -> None:
    """Make the axis of values logarithmic where the largest is many times the smallest."""
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 50 * values.min():
        axes.set_yscale("log")


def _set_range(axes: Axes, values: NDArray[np.float64]) -> None:
    """Show all of these values, whatever else a band holds."""
    values = values[np.isfinite(values)]
    log = axes.get_yscale() == "log"
    if log:
        values = np.log(values[values > 0])
    margin = 0.05 * np.ptp(values) or 0.5
    ends = np.array([values.min() - margin, values.max() + margin])
    axes.set_ylim(*(np.exp(ends) if log else ends))


def anytime_figure(table: SearchTable) -> Figure | None:
    """One line a search; None where no cost is known.

    Args:
        table: its rows with a curve are drawn, in order.
    """
    curves = {
        drawable(row.label): row.curve
        for row in table.rows
        if row.curve is not None and row.cost_is_known and not np.isnan(row.curve.mean).all()
    }
    if not curves or table.main < 0:
        return None
    column = table.columns[table.main]

    def draw(figure: matplotlib.figure.Figure) -> None:
        import seaborn as sns

        axes = figure.subplots()
        axes.set_xscale("log")
        _draw_curves(axes, curves, list(curves))
        axes.axhline(column.optimum, color=GREY, linewidth=0.6, linestyle=":")
        axes.set_xlabel("seconds spent by a run")
        axes.set_ylabel(f"{heading(column)} of the incumbent")
        # bands of the first steps reach far down: they may be cut
        _set_range(axes, np.array([column.optimum, *(v for c in curves.values() for v in c.mean)]))
        sns.move_legend(axes, "best", title=None)

    text = f"{column.label} of the incumbent against cost, mean and middle 80 % of the runs"
    return Figure("anytime", text, (6.4, 4.0), draw)


_COLUMNS = 3


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
    searches = [drawable(one.label) for one in logged]

    def draw(figure: matplotlib.figure.Figure) -> None:
        grid = figure.subplots(rows, _COLUMNS, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            curves = {drawable(one.label): one.curves[name] for one in logged if name in one.curves}
            _draw_curves(axes, curves, searches)
            handles = axes.get_legend_handles_labels()
            axes.get_legend().remove()
            axes.set_title(drawable(name.replace("_", " ")))
            means = np.concatenate([curve.mean for curve in curves.values()])
            if np.isnan(means).all():
                continue
            _set_scale(axes, means)
            # the first networks are anything: their band may be cut
            bands = [
                c[len(c) // 20 :] for curve in curves.values() for c in (curve.low, curve.high)
            ]
            _set_range(axes, np.concatenate([means, *bands]))
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("evaluations")
        figure.legend(*handles, loc="outside upper left", ncols=len(searches))

    text = f"{', '.join(names)} by evaluations, mean and middle 80 % of the runs"
    return (Figure("series", text, (7.0, 1.75 * rows + 0.4), draw),)


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
                place = {"xytext": (4, 4), "textcoords": "offset points"}
                axes.annotate(str(number), (left, bottom), fontsize=7.5, **place)
            _set_scale(axes, np.concatenate([run[:, 1] for run in pruning.runs]))
            axes.set_xlabel(f"{drawable(pruning.x_name.replace('_', ' '))} (R)")
            axes.set_ylabel(
                f"{drawable(pruning.y_name.replace('_', ' '))} (\N{GREEK SMALL LETTER KAPPA})"
            )
            axes.set_title(drawable(pruning.label))

    text = "Condition number against linear regions of the supernet before each round of pruning"
    return (Figure("pruning", text, (3.8 * len(prunings), 3.2), draw),)
