"""Rank correlation against cost, one point an indicator: what a better ranking takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from untrained.reports.figures.drawing import BLUE, GREY, PAPER, Figure, drawable, label_powers
from untrained.reports.tables.grid import estimate_of
from untrained.reports.tables.numbers import confidence_level

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

    from untrained.results import CorrelationTable, TableRow

_OFFSETS = tuple(
    (sign * dx, dy, side)
    for dx in (6, 16, 28)
    for dy in (0, 7, -7, 13, -13, 19, -19, 25, -25, 32, -32)
    for sign, side in ((1, "left"), (-1, "right"))
)
"""Places of a label around its point, in points, the best first, and the side it is aligned at."""
_NEAR = 10
"""Points up to which a label needs no line to its point."""


def with_cost(table: CorrelationTable) -> list[TableRow]:
    """Select the rows with known cost and correlation, the cheapest first."""
    known = (r for r in table.rows if r.alone_s > 0 and not math.isnan(r.correlation.tau))
    return sorted(known, key=lambda row: (row.alone_s, -row.correlation.tau, row.indicator))


def pareto_front(rows: Sequence[TableRow]) -> list[TableRow]:
    """Select the rows of `with_cost` that no other beats in both; of equal ones the first.

    Rows without a score of most networks neither belong to it nor beat any.
    """
    front: list[TableRow] = []
    for row in rows:
        better = not front or row.correlation.tau > front[-1].correlation.tau
        if better and row.correlation.has_most:
            front.append(row)
    return front


def cost_quality(tables: Sequence[CorrelationTable], *, titled: bool = True) -> Figure | None:
    """Draw one panel for each table with known costs; None if no table has any."""
    panels = [(table, rows) for table in tables if (rows := with_cost(table))]
    if not panels:
        return None

    def draw(figure: matplotlib.figure.Figure) -> None:
        grid = figure.subplots(len(panels), squeeze=False)[:, 0]
        for axes, (table, rows) in zip(grid, panels, strict=True):
            _draw(axes, table, rows, titled=titled)

    text = "Kendall's tau-b of each indicator against its seconds a network"
    return Figure("cost-quality", text, (7.2, 4.6 * len(panels)), draw)


def _draw(axes: Axes, table: CorrelationTable, rows: Sequence[TableRow], *, titled: bool) -> None:
    axes.set_xscale("log")
    label_powers(axes.xaxis)
    front = pareto_front(rows)
    axes.step(
        [row.alone_s for row in front],
        [row.correlation.tau for row in front],
        where="post",
        color=GREY,
        linewidth=0.8,
        linestyle="--",
        zorder=1,
    )
    seconds = [row.alone_s for row in rows]
    taus, lows, highs = zip(*(estimate_of(row.correlation, "tau") for row in rows), strict=True)
    axes.plot([seconds] * 2, [lows, highs], color=BLUE, linewidth=0.9, alpha=0.35)
    inside = [BLUE if row.correlation.has_most else PAPER for row in rows]
    axes.scatter(seconds, taus, s=14, color=inside, edgecolors=BLUE, linewidths=0.8, zorder=3)
    axes.axhline(0, color=GREY, linewidth=0.4)
    axes.margins(x=0.14)
    axes.grid(axis="y")
    if titled:
        title = f"{drawable(table.title)} (n = {table.n_population:,})"
        axes.set_title(title, loc="left")
    axes.set_xlabel("median seconds a network, alone, on one worker")
    axes.set_ylabel(f"Kendall tau-b [{confidence_level(table.confidence)}]")
    _label(axes, rows, {row.indicator for row in front})


def _label(axes: Axes, rows: Sequence[TableRow], bold: set[str]) -> None:
    """Write names where they hide neither another name nor a point, as far as there is room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    # the layout must stand before extents mean anything
    figure.draw_without_rendering()
    centres = axes.transData.transform([(row.alone_s, row.correlation.tau) for row in rows])
    # a point counts four times: a name over it hides it, one over a part of a name does not
    taken: list[Bbox] = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in centres] * 4
    for row in sorted(rows, key=lambda row: -row.correlation.tau):
        text = axes.annotate(
            drawable(row.indicator)
            + ("" if row.correlation.has_most else f" ({row.correlation.n:,} networks)"),
            (row.alone_s, row.correlation.tau),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=6.5,
            va="center",
            fontweight="bold" if row.indicator in bold else "normal",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},  # over lines behind it
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkB": 2},
            zorder=2.5,  # below the points
        )
        text.update_positions(renderer)  # which holds for all offsets
        best = min(_OFFSETS, key=lambda offset: _hidden(text, offset, taken, renderer))
        _place(text, best)
        assert text.arrow_patch is not None
        text.arrow_patch.set_visible(math.hypot(*best[:2]) > _NEAR)
        taken.append(_extent(text, renderer))


def _place(text: Annotation, offset: tuple[int, int, str]) -> None:
    dx, dy, side = offset
    text.set_position((dx, dy))
    text.set_horizontalalignment(side)  # type: ignore[arg-type]


def _extent(text: Annotation, renderer: Any) -> Bbox:
    """Compute the box of a name without the line to its point."""
    from matplotlib.text import Text

    return Text.get_window_extent(text, renderer)


def _hidden(
    text: Annotation, offset: tuple[int, int, str], taken: list[Bbox], renderer: Any
) -> float:
    """Compute the area that a name would cover here, plus a penalty for its distance."""
    _place(text, offset)
    box = _extent(text, renderer)
    covered = 0.0
    for other in taken:
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        covered += max(0.0, width) * max(0.0, height)
    return covered + 0.2 * math.hypot(*offset[:2])
