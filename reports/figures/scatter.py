"""Scatter plots of score against accuracy, with the density of many points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from untrained.reports.figures.drawing import BLUE, INK, PAPER, Figure, wrapped
from untrained.reports.figures.points import Marked, Points, symlog_limit

if TYPE_CHECKING:
    import matplotlib.figure
    import numpy.typing as npt
    from matplotlib.axes import Axes


CELLS = (36, 15)
"""Columns and rows of each of the two grids of a density."""
DENSITY_ABOVE = 2000
"""With more points than this their density is drawn: single ones would hide each other."""
POINTS_ID = "points"
_SIZE = (3.5, 2.6)


def representatives(
    places: npt.NDArray[np.float64], rank: npt.NDArray[np.float64], *, shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """One point of every occupied hexagon: the one of the largest rank, of equal ones the first.

    Args:
        places: in the unit square, shape (points, 2).
        rank: shape (points,).
        shape: columns and rows of each of the two grids of hexagons, as in `Axes.hexbin`.

    Returns:
        Numbers of points in ascending order.
    """
    scaled = places * shape
    centres = np.stack([np.round(scaled), np.floor(scaled) + 0.5])
    # a step of one row is as far as sqrt(3) columns
    near = (((scaled - centres) ** 2) @ [1.0, 3.0]).argmin(axis=0)
    cells = centres[near, np.arange(len(scaled))]
    best = pd.Series(rank).groupby([*cells.T]).idxmax()
    return np.sort(best.to_numpy())


def scatter(
    points: Points,
    *,
    x_label: str,
    y_label: str,
    name: str,
    marked: Sequence[Marked] = (),
    named: Sequence[int] = (),
) -> Figure:
    """Draw scores (x) against ground truth (y).

    Args:
        y_label: name and unit of the truth; long ones are wrapped.
        named: numbers of the points that a page can name, where a density hides the points.

    Returns:
        A figure in which every mark is titled with its network.
    """

    def draw(figure: matplotlib.figure.Figure) -> None:
        axes = figure.add_subplot()
        _set_scale(axes, points)
        if points.x.size > DENSITY_ABOVE:
            _draw_density(axes, points)
            _draw_named(axes, points, named)
        else:
            axes.scatter(
                points.x,
                points.y,
                s=9,
                color=BLUE,
                alpha=min(0.65, max(0.2, 20 / points.x.size**0.5)),  # density stays visible
                linewidths=0,
                clip_on=False,
                gid=POINTS_ID,
            )
        for mark in marked:
            _draw_mark(axes, mark)
        axes.tick_params(length=3)
        # names are text, not formulas: a dollar sign in one must not be parsed
        axes.set_xlabel(wrapped(x_label), parse_math=False)
        axes.set_ylabel(wrapped(y_label), parse_math=False)

    return Figure(
        name,
        f"Scatter plot: {x_label} against {y_label}",
        _SIZE,
        draw,
        titles={f"mark-{mark.number}": mark.sentence for mark in marked},
    )


def _set_scale(axes: Axes, points: Points) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if points.scale == "log":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        if points.x.max() / 1e5 > points.x.min():
            axes.xaxis.set_minor_locator(NullLocator())  # they would stand as a black bar
    elif points.scale == "symlog":
        linear = symlog_limit(points.x)
        axes.set_xscale("symlog", linthresh=linear, linscale=0.5)
        axes.set_xticks(symlog_ticks(points.x, linear), minor=False)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _draw_density(axes: Axes, points: Points) -> None:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    axes.update_datalim(np.column_stack([points.x, points.y]))
    axes.autoscale_view()
    # a layer without scale: cells are regular where the axis, logarithmic or not, shows them
    layer = axes.inset_axes((0, 0, 1, 1), zorder=1)
    layer.set_axis_off()
    place = axes.transScale + axes.transLimits
    shades = [to_rgba(BLUE, 1 / 6), to_rgba(BLUE)]  # paler and not whiter: pages may be dark
    layer.hexbin(
        *place.transform(np.column_stack([points.x, points.y])).T,
        gridsize=CELLS,
        extent=(0, 1, 0, 1),
        mincnt=1,
        bins="log",
        cmap=LinearSegmentedColormap.from_list("density", shades),
        linewidths=0,
        gid="density",
    )
    layer.set(xlim=(0, 1), ylim=(0, 1))


def _draw_named(axes: Axes, points: Points, named: Sequence[int]) -> None:
    """Points that are there to be pointed at and not to be seen."""
    if len(named):
        axes.scatter(
            points.x[list(named)],
            points.y[list(named)],
            s=1,
            color=BLUE,
            alpha=0,
            linewidths=0,
            clip_on=False,
            gid=POINTS_ID,
        )


def _draw_mark(axes: Axes, mark: Marked) -> None:
    axes.scatter(
        [mark.x],
        [mark.y],
        s=26,
        facecolors=PAPER,
        edgecolors=INK,
        linewidths=0.8,
        clip_on=False,
        zorder=4,
        gid=f"mark-{mark.number}",
    )
    axes.annotate(
        str(mark.number),
        (mark.x, mark.y),
        fontsize=5,
        ha="center",
        va="center_baseline",
        zorder=5,
        annotation_clip=False,
    )


def symlog_ticks(x: npt.NDArray[np.float64], linear: float) -> list[float]:
    """Zero and powers of ten far enough apart for their labels, about six in all.

    Args:
        x: finite scores, shape (points,), not all zero.
        linear: positive; the axis is linear between -linear and linear.
    """
    low = math.floor(math.log10(linear))
    tops = {sign: math.log10((sign * x).max()) if (sign * x).max() > 0 else low for sign in (-1, 1)}
    stride = max(1, math.ceil(sum(max(0, top - low) for top in tops.values()) / 5))
    ticks = [0.0]
    for sign, top in tops.items():
        exponents = range(math.floor(top), low + (stride + 1) // 2, -stride)
        ticks += [sign * 10.0**exponent for exponent in exponents]
    return sorted(ticks)
