"""Block: clustered rank correlations between indicators."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.drawing import INK, Figure, drawable
from untrained.reports.figures.heat_map import draw_matrix
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO
from untrained.reports.tables.grid import Column, Grid

if TYPE_CHECKING:
    import matplotlib.figure

    from untrained.results import Redundancy


@report_block("redundancy", of=Section, order=40)
def redundancy_part(section: Section) -> Part | None:
    """Show the matrix of a section's indicators; None if it is missing or has one row."""
    return part_of_matrix(section.table.redundancy)


def part_of_matrix(found: Redundancy | None) -> Part | None:
    """Make the part of a matrix; None if the matrix is missing or has one row."""
    if found is None or len(found.indicators) < 2:
        return None
    nearest = []
    for i in range(len(found.indicators)):
        others = [j for j in range(len(found.indicators)) if j != i]
        sizes = [abs(found.rho[i][j]) for j in others]
        if not np.isnan(sizes).all():
            nearest.append((i, others[int(np.nanargmax(sizes))]))
    columns = (
        Column("indicator", "Indicator", lambda pair: found.indicators[pair[0]], kind="code"),
        Column("nearest", "nearest", lambda pair: found.indicators[pair[1]], kind="code"),
        Column("rho_nearest", f"{RHO} with it", lambda pair: found.rho[pair[0]][pair[1]]),
        Column("n_nearest", "n", lambda pair: found.n[pair[0]][pair[1]]),
    )
    matrix = (
        Column("indicator", get=lambda i: found.indicators[i], kind="code"),
        *(
            Column(f"rho_{name}", get=partial(_rho, found, j))
            for j, name in enumerate(found.indicators)
        ),
    )
    return Part(
        "redundancy",
        "Redundancy",
        f"Spearman's {RHO} between the scores of two indicators on the networks that both have, "
        f"larger being better on both sides. The order is that of average linkage of 1 - |{RHO}|, "
        "drawn at the left: what joins near the matrix says the same.",
        Grid("redundancy-nearest", columns, nearest),
        (_figure(found),),
        full=Grid("redundancy", matrix, range(len(found.indicators))),
    )


def _rho(found: Redundancy, column: int, row: int) -> float:
    return found.rho[row][column]


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
