"""Figures of searches: best accuracy by cost, logged values, rounds of pruning, landscapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.reports.figures.drawing import (
    BLUE,
    GREY,
    SERIES,
    Figure,
    drawable,
    label_powers,
    wrapped,
)
from untrained.results.searches.runs import Curve, Landscape, Logged, Pruning, Route, Surface
from untrained.results.searches.table import SearchTable, heading

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

_BAND = 80
"""Per cent of the runs, around their median, that a band holds."""
_BAND_ENDS = (50 - _BAND / 2, 50 + _BAND / 2)
_COLUMNS = 3
"""Panels in a row of a figure of logged values."""


def _draw_curves(axes: Axes, curves: Mapping[str, Curve], order: Sequence[str]) -> list[Line2D]:
    """Draw the mean of the runs as a line and the middle of them as a band.

    Args:
        order: of all searches, so that each looks the same in every panel.

    Returns:
        A line for each curve, in `order`.
    """
    import seaborn as sns

    looks = [SERIES[i % len(SERIES)] for i in range(len(order))]
    # the means of some hundred costs are quick to take here and slow in seaborn
    frames = [
        pd.DataFrame({"x": curve.grid, "y": curve.values.mean(axis=0), "search": search})
        for search, curve in curves.items()
    ]
    sns.lineplot(
        pd.concat(frames, ignore_index=True),
        x="x",
        y="y",
        hue="search",
        hue_order=order,
        palette=[colour for colour, _ in looks],
        style="search",
        style_order=order,
        markers=[marker for _, marker in looks],
        dashes=[(4, 1.5) if i >= len(SERIES) else "" for i in range(len(order))],
        estimator=None,
        linewidth=1.2,
        markersize=4.5,
        markeredgewidth=0,
        legend=False,
        ax=axes,
    )
    for line, curve in zip(axes.lines, curves.values(), strict=True):
        low, high = np.percentile(curve.values, _BAND_ENDS, axis=0)
        axes.fill_between(curve.grid, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    for i, line in enumerate(axes.lines):
        line.set_markevery((0.03 * i, 0.12))  # together they would hide each other
    axes.set(xlabel="", ylabel="")
    axes.grid(axis="y")
    return [*axes.lines]


def _set_scale(axes: Axes, values: NDArray[np.float64]) -> None:
    """Make the axis of values logarithmic where the largest is many times the smallest."""
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 50 * values.min():
        axes.set_yscale("log")
        label_powers(axes.yaxis)


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
    """Draw one line a search that has a curve; None if no cost is known."""
    curves = {
        drawable(row.label): row.curve
        for row in table.rows
        if row.curve is not None and row.cost_is_known and not np.isnan(row.curve.values).all()
    }
    if not curves or table.main < 0:
        return None
    column = table.columns[table.main]

    def draw(figure: matplotlib.figure.Figure) -> None:
        axes = figure.subplots()
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        lines = _draw_curves(axes, curves, list(curves))
        names = [*curves]
        if not math.isnan(column.optimum):
            lines.append(axes.axhline(column.optimum, color=GREY, linewidth=0.8, linestyle=":"))
            names.append("optimum")
        axes.set_xlabel("seconds spent by a run")
        axes.set_ylabel(f"{heading(column)} of the incumbent")
        # bands of the first steps reach far into bad values: there they may be cut
        better = _BAND_ENDS[-1 if column.higher_is_better else 0]
        shown = [
            line
            for curve in curves.values()
            for line in (curve.values.mean(axis=0), np.percentile(curve.values, better, axis=0))
        ]
        _set_range(axes, np.array([column.optimum, *np.concatenate(shown)]))
        axes.legend(lines, names, loc="best")

    text = f"{column.label} of the incumbent against cost, mean and middle {_BAND} % of the runs"
    return Figure("anytime", text, (6.4, 4.0), draw)


def logged_figure(logged: Sequence[Logged]) -> Figure:
    """Draw one figure with a panel for every series that any search has."""
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
        lines: dict[str, Line2D] = {}
        for axes, name in zip(grid.flat, names, strict=False):
            curves = {drawable(one.label): one.curves[name] for one in logged if name in one.curves}
            lines |= zip(curves, _draw_curves(axes, curves, searches), strict=True)
            axes.set_title(drawable(name.replace("_", " ")))
            means = np.concatenate([curve.values.mean(axis=0) for curve in curves.values()])
            if np.isnan(means).all():
                continue
            _set_scale(axes, means)
            # the first networks are anything: their band may be cut
            bands = [
                np.percentile(curve.values[:, len(curve.grid) // 20 :], _BAND_ENDS, axis=0).ravel()
                for curve in curves.values()
            ]
            _set_range(axes, np.concatenate([means, *bands]))
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("evaluations")
        drawn = [search for search in searches if search in lines]
        handles = [lines[search] for search in drawn]
        figure.legend(handles, drawn, loc="outside upper left", ncols=len(drawn))

    text = f"{', '.join(names)} by evaluations, mean and middle {_BAND} % of the runs"
    return Figure("series", text, (7.0, 1.75 * rows + 0.4), draw)


def pruning_figure(prunings: Sequence[Pruning]) -> Figure:
    """Draw one panel a search: rounds of the first run numbered from 0, of the others faint."""

    def draw(figure: matplotlib.figure.Figure) -> None:
        row = figure.subplots(1, len(prunings), squeeze=False)[0]
        for axes, pruning in zip(row, prunings, strict=True):
            for run in pruning.runs[1:]:
                axes.plot(*run.T, color=GREY, linewidth=0.5, alpha=0.6, marker=".", markersize=2.5)
            axes.plot(*pruning.runs[0].T, color=BLUE, linewidth=1.1, marker="o", markersize=4)
            for number, place in enumerate(pruning.runs[0]):
                axes.annotate(
                    str(number), place, xytext=(4, 4), textcoords="offset points", fontsize=7.5
                )
            _set_scale(axes, np.concatenate([run[:, 1] for run in pruning.runs]))
            axes.set_xlabel(f"{drawable(pruning.x_name.replace('_', ' '))} (R)")
            axes.set_ylabel(
                f"{drawable(pruning.y_name.replace('_', ' '))} (\N{GREEK SMALL LETTER KAPPA})"
            )
            axes.set_title(drawable(pruning.label))

    text = "Condition number against linear regions of the supernet before each round of pruning"
    return Figure("pruning", text, (3.8 * len(prunings), 3.2), draw)


_IN_A_CELL = 3.5
"""Networks for every hexagon of a square of as many across as down."""
_SIDE = 1.75
_INK, _CASING = "#000000", "#ffffff"
"""Colours of routes, equal on light and dark pages: a route lies on the shades."""


def landscape_figure(landscape: Landscape) -> Figure:
    """Draw a row of panels a search, one panel a surface; without routes a single row."""
    routes: list[Route | None] = [*landscape.routes] or [None]
    surfaces = landscape.surfaces

    def draw(figure: matplotlib.figure.Figure) -> None:
        grid = figure.subplots(len(routes), len(surfaces), squeeze=False, sharex=True, sharey=True)
        shades: list[PolyCollection] = []
        for row, route in zip(grid, routes, strict=True):
            for axes, surface in zip(row, surfaces, strict=True):
                shades.append(_draw_surface(axes, landscape, surface))
                if route is not None:
                    _draw_route(axes, route)
            if route is not None:
                row[0].set_ylabel(wrapped(route.label, 24, 3))
        for axes, surface in zip(grid[0], surfaces, strict=True):
            axes.set_title(wrapped(surface.label.replace("_", " "), 24, 3))
        bar = figure.colorbar(shades[-1], ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
        bar.set_ticks([0, 0.5, 1], labels=["worst", "median", "best"])
        bar.set_label("mean rank")
        bar.outline.set_visible(False)

    names = ", ".join(surface.label for surface in surfaces)
    return Figure(
        "landscape",
        f"Networks on a plane of edit distances, shaded by {names}, with routes of searches",
        (_SIDE * len(surfaces) + 0.8, _SIDE * len(routes) + 0.35),
        draw,
    )


def _draw_surface(axes: Axes, landscape: Landscape, surface: Surface) -> PolyCollection:
    there = ~np.isnan(surface.height)
    shades = axes.hexbin(
        landscape.points[there, 0],
        landscape.points[there, 1],
        C=surface.height[there],
        gridsize=max(4, round(float(np.sqrt(there.sum() / _IN_A_CELL)))),
        cmap="cividis",
        vmin=0.0,
        vmax=1.0,
        linewidths=0.1,
    )
    axes.margins(0.1)  # hexagons reach beyond the points
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    return shades


def _draw_route(axes: Axes, route: Route) -> None:
    x, y = route.points.T
    axes.plot(x, y, color=_CASING, linewidth=2.4, solid_joinstyle="round", zorder=3)
    axes.plot(x, y, color=_INK, linewidth=0.9, solid_joinstyle="round", zorder=4)
    axes.plot(x[1:-1], y[1:-1], ".", color=_INK, markersize=2.5, zorder=5)
    ends: dict[str, Any] = {"markerfacecolor": _CASING, "markeredgecolor": _INK}
    axes.plot(x[:1], y[:1], "o", markersize=5, zorder=6, **ends)
    axes.plot(x[-1:], y[-1:], "*", markersize=9, zorder=7, **ends)
