"""A matrix of correlations in colour, each cell with its number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.columns import MINUS
from untrained.reports.numbers import MISSING
from untrained.reports.palette import DIVERGING, GREY

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes


def draw_matrix(
    axes: Axes,
    values: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    places: int = 2,
    fontsize: float = 6.5,
) -> None:
    """Draw a matrix whose colours run from -1 to 1.

    Args:
        axes: empty.
        values: in [-1, 1], NaN = missing, shape (rows, columns).
        rows: their names.
        columns: their names.
        places: decimals of the numbers in the cells; without the leading zero.
        fontsize: of these numbers.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    colours = colormaps[DIVERGING]
    scale = Normalize(-1, 1)
    # cells as shapes and not as a picture: sharp at any size, no pixels inside an SVG
    axes.pcolormesh(np.ma.masked_invalid(values), cmap=colours, norm=scale, edgecolors="none")
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            known = not math.isnan(value)
            dark = known and _luminance(colours(scale(value))) < 0.4
            axes.text(
                j + 0.5,
                i + 0.5,
                _short(value, places),
                ha="center",
                va="center_baseline",
                fontsize=fontsize,
                color="#ffffff" if dark else "#101010" if known else GREY,
            )
    axes.set_yticks(np.arange(len(rows)) + 0.5)
    axes.set_yticklabels(list(rows), parse_math=False)
    axes.set_xticks(np.arange(len(columns)) + 0.5)
    axes.set_xticklabels(list(columns), rotation=90 if len(columns) > 6 else 0, parse_math=False)
    axes.invert_yaxis()
    axes.tick_params(length=0, labelsize=6.5, top=True, bottom=False)
    axes.xaxis.tick_top()
    for spine in axes.spines.values():
        spine.set_visible(False)


def _short(value: float, places: int) -> str:
    """A correlation without its leading zero."""
    if math.isnan(value):
        return MISSING
    return f"{value:z.{places}f}".replace("0.", ".", 1).replace("-", MINUS)


def _luminance(colour: tuple[float, float, float, float]) -> float:
    """Relative luminance of an sRGB colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
