"""Cost against quality of a table's indicators."""

from __future__ import annotations

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.cost_quality import cost_points, cost_quality, pareto_front
from untrained.reports.pages.report import Section
from untrained.reports.tables.grid import INDICATOR, Column, Grid
from untrained.reports.tables.numbers import seconds


@report_block("cost-quality", of=Section, order=50)
def cost_part(section: Section) -> Part | None:
    """The part of one section; None where fewer than two indicators have a known cost."""
    points = cost_points(section.table)
    figure = cost_quality([section.table], titled=False)
    if figure is None or len(points) < 2:
        return None
    front = {point.indicator for point in pareto_front(points)}
    columns = (
        INDICATOR,
        Column(
            "alone_s", "s/arch", "seconds", "median seconds an architecture, alone", show=seconds
        ),
        Column("tau", "Kendall τ-b", lambda one: (one.tau, one.low, one.high), interval=True),
        Column(
            "front",
            "on the front",
            lambda one: "yes" if one.indicator in front else "no",
            kind="text",
        ),
    )
    return Part(
        "cost-quality",
        "Cost against quality",
        "Bold names on the dashed front: no other indicator ranks better for less time. Times are "
        "those of the machine named below and compare only within the table.",
        Grid("cost-quality", columns, points),
        (figure,),
        repeats=True,
    )
