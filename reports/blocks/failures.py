"""Which architectures have no score, and why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.grid import INDICATOR, Column, Grid
from untrained.reports.tables.numbers import percent

if TYPE_CHECKING:
    from untrained.results import TableRow


@report_block("failures", of=Section, order=80)
def failure_part(section: Section) -> Part | None:
    """Coverage and statuses of the indicators that miss a score; None where none does."""
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
