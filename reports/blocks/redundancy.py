"""Which indicators say the same: their rank correlations, clustered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.drawing import INK, Figure, drawable
from untrained.reports.figures.heat_map import draw_matrix
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO
from untrained.reports.tables.grid import GridColumn, number, paired, whole_number, words

if TYPE_CHECKING:
    import matplotlib.figure

    from untrained.results import Redundancy


@report_block("redundancy", of=Section, order=40)
def redundancy_part(section: Section) -> Part | None:
    """The matrix of a section's indicators; None where it was not computed or has one row."""
    return part_of_matrix(section.table.redundancy)


def part_of_matrix(found: Redundancy | None) -> Part | None:
    """The part of any matrix; None where there is none or it has one row."""
    if found is None or len(found.indicators) < 2:
        return None
    columns = (
        GridColumn("indicator", "Indicator", kind="text", code=True),
        GridColumn("nearest", "nearest", kind="text", code=True),
        GridColumn("rho_nearest", f"{RHO} with it"),
        GridColumn("n_nearest", "n"),
    )
    rows = []
    for i, name in enumerate(found.indicators):
        others = [j for j in range(len(found.indicators)) if j != i]
        sizes = [abs(found.rho[i][j]) for j in others]
        if np.isnan(sizes).all():
            continue
        j = others[int(np.nanargmax(sizes))]
        pair = (number(found.rho[i][j]), whole_number(found.n[i][j]))
        rows.append((words(name), words(found.indicators[j]), *pair))
    full = paired(
        "redundancy",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            *(GridColumn(f"rho_{name}", name, code=True) for name in found.indicators),
        ),
        tuple((words(name), *map(number, found.rho[i])) for i, name in enumerate(found.indicators)),
    )
    return Part(
        "redundancy",
        "Redundancy",
        f"Spearman's {RHO} between the scores of two indicators on the networks that both have, "
        f"larger being better on both sides. The order is that of average linkage of 1 - |{RHO}|, "
        "drawn at the left: what joins near the matrix says the same.",
        paired("redundancy-nearest", columns, tuple(rows)),
        (_figure(found),),
        full=full,
    )


def _figure(found: Redundancy) -> Figure:
    names = [drawable(name) for name in found.indicators]

    def draw(figure: matplotlib.figure.Figure) -> None:
        from scipy.cluster.hierarchy import dendrogram

        tree, matrix = figure.subplots(1, 2, width_ratios=[0.6, 0.24 * len(names)])
        draw_matrix(matrix, np.array(found.rho), names, names, fontsize=4.6)
        matrix.set_aspect("equal")
        matrix.tick_params(axis="x", rotation=90)
        # joined from the right, where the matrix stands; scipy puts leaves at 5, 15, 25, ...
        joins = dendrogram(np.array(found.linkage), no_plot=True)
        for x, y in zip(joins["dcoord"], joins["icoord"], strict=True):
            tree.plot(x, np.array(y) / 10, color=INK, linewidth=0.7)
        tree.set_xlim(1.02 * max([1e-9, *(join[2] for join in found.linkage)]), 0)
        tree.set_axis_off()
        tree.sharey(matrix)

    side = 0.24 * len(names)
    size = (2.6 + side, 1.4 + side)
    return Figure("redundancy", "Spearman's rho between the scores of all indicators", size, draw)
