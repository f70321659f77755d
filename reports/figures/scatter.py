"""Scatter plots of score against accuracy: the points, those marked, the density of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from untrained.reports.figures.drawing import BLUE, INK, PAPER, Figure, label_powers, wrapped

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes


Scale = Literal["linear", "log", "symlog"]

CELLS = (36, 15)
"""Columns and rows of each of the two grids of a density."""
DENSITY_ABOVE = 2000
"""With more points than this their density is drawn: single ones would hide each other."""
POINTS_ID = "points"
DECADES = 2
"""A score that spans more decades than this may get a logarithmic axis."""
LARGEST_EXPONENT = 150
"""Limits and ticks of an axis overflow float64 well before its ends."""
CROWDED = 0.1
"""... if a linear axis would press at least half of the points into this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The pairs of one scatter plot, and how many could not be drawn."""

    x: npt.NDArray[np.float64]
    """Drawable scores, shape (points,)."""
    y: npt.NDArray[np.float64]
    """Drawable truth values, shape (points,)."""
    infinite: int
    """Pairs left out because the score is infinite."""
    extreme: int
    """Pairs left out because a number is finite but outside what an axis can be computed for."""
    missing: int
    """Architectures left out because the score or the truth is missing (or the truth infinite)."""
    names: tuple[str, ...] = ()
    """Architecture of each pair; empty where they are not known."""

    @property
    def scale(self) -> Scale:
        """Return the kind of axis that shows the scores best."""
        return axis_scale(self.x)

    @property
    def places(self) -> npt.NDArray[np.float64]:
        """Compute the places of the pairs in the unit square, on an axis of that scale."""
        x = self.x
        if self.scale == "log":
            x = np.log(x)
        elif self.scale == "symlog":
            x = np.arcsinh(x / symlog_limit(x))
        corners = [(side - side.min()) / (np.ptp(side) or 1.0) for side in (x, self.y)]
        return np.column_stack(corners)

    def omissions(self) -> str:
        """Describe the networks that are not drawn in half a sentence; empty if all are drawn."""
        parts = []
        if self.missing:
            parts.append(f"{self.missing:,} missing")
        if self.infinite:
            parts.append(f"{self.infinite:,} infinite")
        if self.extreme:
            parts.append(f"{self.extreme:,} beyond 1e±{LARGEST_EXPONENT}")
        return f"not drawn: {', '.join(parts)}" if parts else ""


def points(scores: pd.Series[float], truth: pd.Series[float]) -> Points:
    """Join scores and truth by architecture and set aside what cannot be drawn.

    Args:
        scores: index architecture, NaN = missing; may be infinite.
        truth: index architecture, NaN = unknown.

    Returns:
        The drawable pairs in the order of the architectures' text, so that equal data are drawn
        equally whatever order they came in.
    """
    index = scores.index.union(truth.index, sort=True)
    x = np.asarray(scores.reindex(index), dtype=np.float64)
    y = np.asarray(truth.reindex(index), dtype=np.float64)
    known = ~np.isnan(x) & np.isfinite(y)
    finite = known & np.isfinite(x)
    drawn = finite & _drawable(x) & _drawable(y)
    return Points(
        x=x[drawn],
        y=y[drawn],
        infinite=int(np.count_nonzero(known & ~finite)),
        extreme=int(np.count_nonzero(finite & ~drawn)),
        missing=int(np.count_nonzero(~known)),
        names=tuple(map(str, index[drawn])),
    )


def _drawable(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    size = np.abs(values)
    largest = 10.0**LARGEST_EXPONENT
    within: npt.NDArray[np.bool_] = (size == 0) | ((size >= 1 / largest) & (size <= largest))
    return within


def axis_scale(x: npt.NDArray[np.float64]) -> Scale:
    """Choose a logarithmic axis for scores of more than two decades that crowd a linear one.

    The second condition keeps a uniform score with one value near zero on a linear axis.

    Args:
        x: finite scores, shape (points,).

    Returns:
        `log` if all scores are positive, `symlog` if some are not, else `linear`.
    """
    size = np.abs(x[x != 0])
    if size.size == 0:
        return "linear"
    decades = np.log10(size.max()) - np.log10(size.min())
    if decades <= DECADES or np.median(np.abs(x)) > CROWDED * size.max():
        return "linear"
    return "log" if x.min() > 0 else "symlog"


def symlog_limit(x: npt.NDArray[np.float64]) -> float:
    """Find the limit of the linear part of a symmetric logarithmic axis: few scores are below it.

    Else the few values near zero would take all the room.
    """
    return float(np.quantile(np.abs(x[x != 0]), 0.05))


@dataclass(frozen=True, slots=True)
class Marked:
    """One network and why it is marked."""

    number: int
    roles: tuple[str, ...]
    architecture: str
    x: float
    y: float

    @property
    def sentence(self) -> str:
        """Write roles and name."""
        return f"{', '.join(self.roles)}: {self.architecture}"


def marked(points: Points, *, higher_is_better: bool, larger_truth_is_better: bool) -> list[Marked]:
    """Select at most four networks; a network with several roles is listed once.

    Of equal candidates the first in the order of the points counts. Ranks of ties are averaged.
    """
    if not points.names or points.x.size < 2:
        return []
    score = scipy.stats.rankdata(points.x if higher_is_better else -points.x)
    truth = scipy.stats.rankdata(points.y if larger_truth_is_better else -points.y)
    if score.min() == score.max() or truth.min() == truth.max():
        return []
    roles: dict[int, list[str]] = {}
    for role, values in (
        ("highest truth", truth),
        ("best score", score),
        ("most overrated", score - truth),
        ("most underrated", truth - score),
    ):
        roles.setdefault(int(np.argmax(values)), []).append(role)
    return [
        Marked(number, tuple(those), points.names[i], float(points.x[i]), float(points.y[i]))
        for number, (i, those) in enumerate(roles.items(), start=1)
    ]


def representatives(
    places: npt.NDArray[np.float64], rank: npt.NDArray[np.float64], *, shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Select one point of every occupied hexagon: the largest rank, of equal ranks the first.

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
        dense = points.x.size > DENSITY_ABOVE
        if dense:
            _draw_density(axes, points)
        # on a density, points are there to be pointed at and not to be seen
        shown = list(named) if dense else slice(None)
        axes.scatter(
            points.x[shown],
            points.y[shown],
            s=1 if dense else 9,
            color=BLUE,
            # many points are paler: where they lie densely stays visible
            alpha=0 if dense else min(0.65, max(0.2, 20 / points.x.size**0.5)),
            linewidths=0,
            clip_on=False,
            gid=POINTS_ID,
        )
        for mark in marked:
            _draw_mark(axes, mark)
        axes.tick_params(length=3)
        axes.set_xlabel(wrapped(x_label))
        axes.set_ylabel(wrapped(y_label))

    return Figure(
        name,
        f"Scatter plot: {x_label} against {y_label}",
        (3.5, 2.6),
        draw,
        titles={f"mark-{mark.number}": mark.sentence for mark in marked},
    )


def _set_scale(axes: Axes, points: Points) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if points.scale == "log":
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        if points.x.max() / 1e5 > points.x.min():
            axes.xaxis.set_minor_locator(NullLocator())  # they would stand as a black bar
    elif points.scale == "symlog":
        linear = symlog_limit(points.x)
        axes.set_xscale("symlog", linthresh=linear, linscale=0.5)
        label_powers(axes.xaxis)
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
    """Place ticks at zero and at powers of ten, about six, far enough apart for their labels.

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
