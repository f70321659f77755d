"""Cost against quality of a table's indicators."""

from __future__ import annotations

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.cost_quality import cost_points, cost_quality, pareto_front
from untrained.reports.pages.report import Section
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, words
from untrained.reports.tables.numbers import seconds


@report_block("cost-quality", of=Section, order=50)
def cost_part(section: Section) -> Part | None:
    """The part of one section; None where fewer than two indicators have a known cost."""
    points = cost_points(section.table)
    figure = cost_quality([section.table], titled=False)
    if figure is None or len(points) < 2:
        return None
    front = {point.indicator for point in pareto_front(points)}
    grid = paired(
        "cost-quality",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("alone_s", "s/arch", "median seconds an architecture, alone"),
            GridColumn("tau", "Kendall τ-b", interval=True),
            GridColumn("front", "on the front", kind="text"),
        ),
        tuple(
            (
                words(point.indicator),
                Cell(seconds(point.seconds), float(point.seconds)),
                number(point.tau, low=point.low, high=point.high),
                words("yes" if point.indicator in front else "no"),
            )
            for point in points
        ),
    )
    return Part(
        "cost-quality",
        "Cost against quality",
        "Bold names on the dashed front: no other indicator ranks better for less time. Times are "
        "those of the machine named below and compare only within the table.",
        grid,
        (figure,),
        repeats=True,
    )
