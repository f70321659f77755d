"""A dot plot: one line a name, one marker a series, so that grey print still tells them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        axes.axvline(0, color=GREY, linewidth=0.6)
        if joined:
            _join(axes, series)
        for number, dots in enumerate(series):
            colour, marker = SERIES[number]
            # intervals stand a little apart, so that one does not hide another
            _draw(
                axes,
                dots,
                colour,
                marker,
                shift=(number - (len(series) - 1) / 2) * 0.16 * bool(dots.lows),
            )
        axes.set_yticks(range(len(names)))
        axes.set_yticklabels([drawable(one) for one in names], parse_math=False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelsize=7)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="both", linewidth=0.3, color=GREY, alpha=0.4)
        axes.set_xlabel(x_label, parse_math=False)
        if len(series) > 1:
            figure.legend(loc="outside upper center", ncols=2 if len(series) > 3 else len(series))

    height = 0.9 + 0.2 * len(names) + (0.25 if len(series) > 1 else 0)
    return Figure(name, text, (5.6, height), draw)


def _draw(axes: Axes, dots: Dots, colour: str, marker: str, *, shift: float) -> None:
    known = [i for i, value in enumerate(dots.values) if not math.isnan(value)]
    if dots.lows:
        for i in known:
            if not math.isnan(dots.lows[i]) and not math.isnan(dots.highs[i]):
                ends = [dots.lows[i], dots.highs[i]]
                axes.plot(ends, [i + shift] * 2, color=colour, linewidth=0.9, alpha=0.6)
    if not math.isnan(dots.limit):
        axes.axvline(dots.limit, color=colour, linewidth=1.0, linestyle=_LINES[marker])
    axes.scatter(
        [dots.values[i] for i in known],
        [i + shift for i in known],
        s=18,
        marker=marker,
        facecolors=colour if marker == SERIES[0][1] else PAPER,
        edgecolors=colour,
        linewidths=0.9,
        zorder=3,
        clip_on=False,
        label=dots.label,
    )


def _join(axes: Axes, series: Sequence[Dots]) -> None:
    for i in range(len(series[0].values)):
        values = [one.values[i] for one in series if not math.isnan(one.values[i])]
        if len(values) > 1:
            axes.plot([min(values), max(values)], [i, i], color=GREY, linewidth=0.7, zorder=1)
