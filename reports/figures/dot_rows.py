"""A dot plot: one line a name, one marker a series, so that grey print still tells them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from untrained.reports.figures.drawing import GREY, PAPER, SERIES, Figure, drawable

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes


_LINES = {"o": "--", "D": ":", "s": "-.", "^": (0, (5, 1))}
"""Dashes of a series' vertical line, by its marker."""


@dataclass(frozen=True, slots=True)
class Dots:
    """One series: a value for each name, NaN where there is none."""

    label: str
    values: tuple[float, ...]
    lows: tuple[float, ...] = ()
    """Lower ends of the intervals; empty = none."""
    highs: tuple[float, ...] = ()
    limit: float = math.nan
    """Where a vertical line in the colour of the series stands; NaN = nowhere."""


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
        for number, dots in enumerate(series):
            colour, marker = SERIES[number]
            # intervals stand a little apart, so that one does not hide another
            beside = places + (number - (len(series) - 1) / 2) * 0.16 * bool(dots.lows)
            if dots.lows:
                axes.hlines(beside, dots.lows, dots.highs, color=colour, linewidth=0.9, alpha=0.6)
            if not math.isnan(dots.limit):
                axes.axvline(dots.limit, color=colour, linewidth=1.0, linestyle=_LINES[marker])
            axes.plot(
                dots.values,
                beside,
                marker,
                color=colour,
                markerfacecolor=PAPER if number else colour,
                markersize=4.2,
                markeredgewidth=0.9,
                zorder=3,
                clip_on=False,
                label=dots.label,
            )
        set_rows(axes, names, x_label)
        if len(series) > 1:
            figure.legend(loc="outside upper center", ncols=2 if len(series) > 3 else len(series))

    height = 0.9 + 0.2 * len(names) + (0.25 if len(series) > 1 else 0)
    return Figure(name, text, (5.6, height), draw)


def set_rows(axes: Axes, names: Sequence[str], x_label: str) -> None:
    """Name the rows 0, 1, ... of a plot from top to bottom and mark zero."""
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_yticks(range(len(names)), list(map(drawable, names)), parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.spines["left"].set_visible(False)
    axes.grid()
    axes.set_xlabel(x_label, parse_math=False)
