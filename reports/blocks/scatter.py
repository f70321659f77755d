"""Scatter plots of a section, one an indicator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.figures.drawing import Figure
from untrained.reports.figures.scatter import (
    CELLS,
    DENSITY_ABOVE,
    Marked,
    marked,
    points,
    representatives,
    scatter,
)
from untrained.reports.pages.report import Section

if TYPE_CHECKING:
    from untrained.results import TableRow


@dataclass(frozen=True, slots=True, eq=False)
class ScatterPlot:
    """One indicator's scores against the truth."""

    row: TableRow
    figure: Figure | None
    """Figure; None if there is no point to draw."""
    remarks: tuple[str, ...]
    marked: tuple[Marked, ...]
    names: tuple[str, ...]
    """The network of each point that can be pointed at, in the order they are drawn."""
    dense: bool = False
    """Whether the points are the best network of each cell of a density, not all networks."""


def scatter_plots(section: Section) -> tuple[ScatterPlot, ...]:
    """Make the plots of a section in the order of its rows; none without scores."""
    if section.scores is None:
        return ()
    numbered = enumerate(section.table.ranked, start=1)
    return tuple(_plot(section, row, f"scatter-{number}") for number, row in numbered)


_SCALES: Mapping[str, str] = {
    "linear": "",
    "log": "logarithmic axis",
    "symlog": "logarithmic axis beyond zero",
}


def _plot(section: Section, row: TableRow, name: str) -> ScatterPlot:
    assert section.scores is not None
    assert section.truth is not None
    label = row.correlation.indicator
    pairs = points(section.scores[label], section.truth)
    if not pairs.x.size:
        remarks = ("no pair of finite score and truth to draw", pairs.omissions())
        return ScatterPlot(row, None, tuple(filter(None, remarks)), (), ())
    telling = marked(
        pairs,
        higher_is_better=row.higher_is_better,
        larger_truth_is_better=section.larger_truth_is_better,
    )
    dense = pairs.x.size > DENSITY_ABOVE
    best = pairs.y if section.larger_truth_is_better else -pairs.y
    named = representatives(pairs.places, best, shape=CELLS) if dense else np.arange(pairs.x.size)
    figure = scatter(
        pairs,
        x_label=label if row.higher_is_better else f"{label} (lower is better)",
        y_label=section.table.target,
        name=name,
        marked=telling,
        named=[int(i) for i in named] if dense else (),
    )
    shade = f"shade: networks a cell, by logarithm; n = {pairs.x.size:,}" if dense else ""
    said = tuple(filter(None, (_SCALES[pairs.scale], shade, pairs.omissions())))
    names = tuple(pairs.names[i] for i in named) if pairs.names else ()
    return ScatterPlot(row, figure, said, tuple(telling), names, dense)
