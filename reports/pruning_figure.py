"""Two scores of a supernet, round by round of its pruning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.drawing import Figure, drawable
from untrained.reports.palette import BLUE, GREY, INK
from untrained.results.searches_landscape import Pruning

if TYPE_CHECKING:
    import matplotlib.figure

_HUGE = 50
"""Largest over smallest condition number above which its axis is logarithmic."""


def pruning_figures(prunings: Sequence[Pruning]) -> tuple[Figure, ...]:
    """One panel a search: rounds of the first run numbered from 0, those of the others faint.

    Args:
        prunings: none: no figure.
    """
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
