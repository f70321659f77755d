"""Networks on a plane, shaded by rank, and the routes of searches across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from untrained.reports.figures.drawing import Figure, drawable
from untrained.results.searches.landscape import Landscape, Route, Surface

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

_IN_A_CELL = 3.5
"""Networks for every hexagon of a square of as many across as down."""
_SIDE = 1.75
_INK, _CASING = "#000000", "#ffffff"
"""The same on light and dark pages: they lie on the shades, not on the page."""


def landscape_figure(landscape: Landscape) -> Figure:
    """A row of panels a search, one panel a surface; without routes a single row."""
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
                row[0].set_ylabel(drawable(route.label))
        for axes, surface in zip(grid[0], surfaces, strict=True):
            axes.set_title(drawable(surface.label))
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
