"""What searches had found by each cost: mean over the runs, with a band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.drawing import Figure, drawable
from untrained.reports.palette import SERIES
from untrained.reports.search_grids import heading
from untrained.results.searches import Curve
from untrained.results.searches_table import SearchTable

if TYPE_CHECKING:
    import matplotlib.figure

_DASHES = ("-", "--", "-.", ":")
_MARKED = 9


def anytime_figure(table: SearchTable) -> Figure | None:
    """One line a search; None where no cost is known.

    Args:
        table: its rows with a curve are drawn, in order.
    """
    curves = [
        (row.label, row.curve)
        for row in table.rows
        if row.curve is not None and row.cost_is_known and not np.isnan(row.curve.mean).all()
    ]
    if not curves or table.main < 0:
        return None
    column = table.columns[table.main]

    def draw(figure: matplotlib.figure.Figure) -> None:
        axes = figure.subplots()
        axes.set_xscale("log")
        for number, (label, curve) in enumerate(curves):
            colour, marker = SERIES[number % len(SERIES)]
            dashes = _DASHES[(number // len(SERIES)) % len(_DASHES)]
            axes.fill_between(
                curve.grid, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0
            )
            axes.plot(
                curve.grid,
                curve.mean,
                color=colour,
                linestyle=dashes,
                linewidth=1.2,
                marker=marker,
                markersize=3.5,
                # curves begin at different costs: their markers would hide each other
                markevery=(3 * number % 20, max(1, len(curve.grid) // _MARKED)),
                label=drawable(label),
            )
        axes.axhline(column.optimum, color="0.5", linewidth=0.6, linestyle=":")
        axes.set_xlabel("seconds spent by a run")
        axes.set_ylabel(f"{heading(column)} of the incumbent")
        axes.set_ylim(*_range([curve for _, curve in curves], column.optimum))
        axes.grid(axis="y", linewidth=0.3, alpha=0.5)
        axes.legend(loc="lower right" if column.higher_is_better else "upper right")

    text = f"{column.label} of the incumbent against cost, mean and middle 80 % of the runs"
    return Figure("anytime", text, (6.4, 4.0), draw)


def _range(curves: list[Curve], optimum: float) -> tuple[float, float]:
    """All means and the optimum: bands of the first steps, which reach far down, may be cut."""
    values = np.concatenate([curve.mean for curve in curves])
    values = np.append(values[~np.isnan(values)], [] if np.isnan(optimum) else [optimum])
    margin = 0.06 * (values.max() - values.min()) or 1.0
    return float(values.min() - margin), float(values.max() + margin)
