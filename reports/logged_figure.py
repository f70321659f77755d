"""What searches logged, one small panel a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from untrained.reports.drawing import Figure, drawable
from untrained.reports.palette import SERIES
from untrained.results.searches_landscape import Logged

if TYPE_CHECKING:
    import matplotlib.figure

_COLUMNS = 3
_DASHES = ("-", "--", "-.", ":")
_HUGE = 50
"""Largest over smallest positive value above which an axis is logarithmic."""


def logged_figures(logged: Sequence[Logged]) -> tuple[Figure, ...]:
    """One figure with a panel for every series that any search has.

    Args:
        logged: up to four searches are told apart.
    """
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
            axes.set_ylim(*_range(inside[~np.isnan(inside)], axes.get_yscale() == "log"))
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


def _range(values: NDArray[np.float64], log: bool) -> tuple[float, float]:
    """A little more than the values."""
    low, high = float(values.min()), float(values.max())
    if log and low > 0:
        margin = (high / low) ** 0.05
        return low / margin, high * margin
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
