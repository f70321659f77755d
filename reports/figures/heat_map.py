"""A matrix of correlations in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.tables.columns import MINUS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes


def draw_matrix(
    axes: Axes,
    values: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    fontsize: float = 6.5,
) -> None:
    """Draw a matrix whose colours run from -1 to 1.

    Args:
        values: in [-1, 1], NaN = missing, shape (rows, columns).
    """
    import seaborn as sns

    shown = [[f"{value:z.2f}".replace("-", MINUS) for value in row] for row in values]
    sns.heatmap(
        values,
        ax=axes,
        vmin=-1,
        vmax=1,
        # red below zero, blue above: both pale enough for dark numbers, on dark pages too
        cmap=sns.diverging_palette(20, 245, s=90, l=55, as_cmap=True),
        annot=np.array(shown),
        fmt="",
        annot_kws={"fontsize": fontsize, "color": "#101010"},
        cbar=False,
        xticklabels=False,
        yticklabels=False,
    )
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90 if len(columns) > 6 else 0)
    axes.tick_params(
        length=0, labelsize=6.5, top=True, bottom=False, labeltop=True, labelbottom=False
    )
