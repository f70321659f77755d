"""One row a name: dot plots with a marker for each series, and forest plots inside a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from untrained.reports.figures.drawing import GREY, PAPER, SERIES, Figure, drawable
from untrained.reports.tables.grid import estimate_of

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes

WIDTH = 176.0
"""Pixels of the scale of a forest plot, without its margins."""
MARGIN = 12.0
"""Pixels that keep dots and labels at the ends of the scale whole."""

_LINES = ("--", ":", "-.")
"""Dashes of the vertical line of the first, second, ... series."""


@dataclass(frozen=True, slots=True)
class Dots:
    """One series: a value for each name, NaN where there is none."""

    label: str
    values: tuple[float, ...]
    lows: tuple[float, ...] = ()
    """Lower ends of the intervals; empty = none."""
    highs: tuple[float, ...] = ()
    limit: float = math.nan
    """Place of a vertical line in the colour of the series; NaN = none."""

    @classmethod
    def of(
        cls, label: str, things: Iterable[object], name: str, *, limit: float = math.nan
    ) -> Dots:
        """Read a number with its interval from each of one or more things, or from None."""
        values, lows, highs = zip(*(estimate_of(one, name) for one in things), strict=True)
        return cls(label, values, lows, highs, limit)


def dot_rows(
    names: Sequence[str],
    series: Sequence[Dots],
    *,
    name: str,
    text: str,
    x_label: str,
    joined: bool = False,
) -> Figure:
    """Draw series of values against names.

    Args:
        series: at most as many as the palette has; the first has filled markers, others are open.
        joined: whether a thin line joins the dots of a name.

    Raises:
        ValueError: there are more series than markers.
    """
    if len(series) > len(SERIES):
        raise ValueError(f"{len(series)} series cannot be told apart by {len(SERIES)} markers")

    def draw(figure: matplotlib.figure.Figure) -> None:
        axes = figure.add_subplot()
        places = np.arange(len(names))
        if joined:
            values = pd.DataFrame([dots.values for dots in series])
            axes.hlines(places, values.min(), values.max(), color=GREY, linewidth=0.7, zorder=1)
        lines = []
        for number, dots in enumerate(series):
            colour, marker = SERIES[number]
            # intervals stand a little apart, so that one does not hide another
            beside = places + (number - (len(series) - 1) / 2) * 0.16 * bool(dots.lows)
            if dots.lows:
                axes.hlines(beside, dots.lows, dots.highs, color=colour, linewidth=0.9, alpha=0.6)
            if not math.isnan(dots.limit):
                axes.axvline(dots.limit, color=colour, linewidth=1.0, linestyle=_LINES[number % 3])
            lines += axes.plot(
                dots.values,
                beside,
                marker,
                color=colour,
                markerfacecolor=PAPER if number else colour,
                markersize=4.2,
                markeredgewidth=0.9,
                zorder=3,
                clip_on=False,
            )
        set_rows(axes, names, x_label)
        if len(series) > 1:
            labels = [drawable(dots.label) for dots in series]
            columns = 2 if len(series) > 3 else len(series)
            figure.legend(lines, labels, loc="outside upper center", ncols=columns)

    height = 0.9 + 0.2 * len(names) + (0.25 if len(series) > 1 else 0)
    return Figure(name, text, (5.6, height), draw)


def set_rows(axes: Axes, names: Sequence[str], x_label: str) -> None:
    """Name the rows 0, 1, ... of a plot from top to bottom and mark zero."""
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_yticks(range(len(names)), list(map(drawable, names)))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.spines["left"].set_visible(False)
    axes.grid()
    axes.set_xlabel(x_label)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row in pixels from the left edge of the cell."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place of the scale."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Forest:
    """The scale of a table's intervals."""

    left: float
    right: float
    step: float

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Place a tick at every step, ends included."""
        number = round((self.right - self.left) / self.step)
        values = [self.left + i * self.step for i in range(number + 1)]
        return tuple(Tick(self.place(value), f"{value:z.1f}") for value in values)

    def place(self, value: float) -> float:
        """Compute pixels from the left edge, to a tenth."""
        share = (value - self.left) / (self.right - self.left)
        return round(MARGIN + WIDTH * share, 1)

    def bar(self, low: float, middle: float, high: float) -> Bar | None:
        """Make the bar of an estimate: only its dot without an interval, None if it is missing."""
        if math.isnan(middle):
            return None
        if math.isnan(low) or math.isnan(high):
            low = high = middle
        return Bar(self.place(low), self.place(middle), self.place(high))


def forest(values: Iterable[float]) -> Forest:
    """Find the narrowest scale with round ends that contains zero and all values.

    Args:
        values: correlations and ends of their intervals, in [-1, 1]; NaN are left out.

    Returns:
        A scale with at most six ticks.
    """
    known = [value for value in values if not math.isnan(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    step = next(
        s for s in (0.1, 0.2, 0.5) if math.ceil(high / s - 1e-9) - math.floor(low / s + 1e-9) <= 5
    )
    left = math.floor(low / step + 1e-9) * step
    right = max(math.ceil(high / step - 1e-9), round(left / step) + 1) * step
    return Forest(left, right, step)
