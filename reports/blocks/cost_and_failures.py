"""Numbers of the correlation table as blocks of their own: cost, coverage, failures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.cost_quality import cost_quality, pareto_front, with_cost
from untrained.reports.pages.report import Section
from untrained.reports.tables.grid import INDICATOR, Column, Grid
from untrained.reports.tables.numbers import percent, seconds

if TYPE_CHECKING:
    from untrained.results import TableRow


@report_block("cost-quality", of=Section, order=50)
def cost_part(section: Section) -> Part | None:
    """Make the part of one section; None if fewer than two indicators have a known cost."""
    rows = with_cost(section.table)
    figure = cost_quality([section.table], titled=False)
    if figure is None or len(rows) < 2:
        return None
    front = {row.indicator for row in pareto_front(rows)}
    hollow = " Hollow points lack more than a fifth of the networks and are not compared."
    few = "" if all(row.correlation.has_most for row in rows) else hollow
    whose = "of the machine named below"
    if not any(row.protocol for row in rows):  # scores of others
        whose = "that their file gives"
    columns = (
        INDICATOR,
        Column("alone_s", "s/arch", note="median seconds an architecture, alone", show=seconds),
        Column("tau", "Kendall τ-b", "correlation.tau", interval=True),
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
        f"those {whose} and compare only within the table.{few}",
        Grid("cost-quality", columns, rows),
        (figure,),
        repeats=True,
    )


@report_block("failures", of=Section, order=80)
def failure_part(section: Section) -> Part | None:
    """Show coverage and statuses of indicators with a missing score; None if none has one."""
    table = section.table
    rows = [
        row
        for row in table.ranked
        if row.failures or row.correlation.n < row.correlation.n_population
    ]
    if not rows:
        return None
    statuses = sorted({status for row in rows for status, _ in row.failures})
    columns = (
        INDICATOR,
        Column("n", "ranked", "correlation.n"),
        Column("n_population", "of", "correlation.n_population"),
        Column("coverage", "coverage", "correlation.coverage", show=percent),
        *(
            Column(f"status_{i}", status, partial(_count, status))
            for i, status in enumerate(statuses, start=1)
        ),
        Column("tau", "Kendall τ-b", "correlation.tau", "over those ranked", interval=True),
        Column(
            "tau_failures_last",
            "τ-b, missing last",
            "correlation.tau_failures_last",
            "missing scores tied behind all",
        ),
        Column("tau_common", "τ-b, common", "correlation.tau_common", "on what all rows have"),
        Column(
            "tau_finite",
            "τ-b, without constant networks",
            "correlation.tau_finite",
            "where all rows have a finite score",
        ),
        Column("n_finite", "n, without constant networks", "correlation.n_finite"),
    )
    complete = len(table.rows) - len(rows)
    return Part(
        "failures",
        "Failures and coverage",
        f"Scores by the status they ended with; {complete} of {len(table.rows)} rows have a score "
        "for every architecture and are not listed. With several seeds an architecture has "
        "several scores.",
        Grid("failures", columns, rows),
        repeats=True,
    )


def _count(status: str, row: TableRow) -> int:
    return dict(row.failures).get(status, 0)
