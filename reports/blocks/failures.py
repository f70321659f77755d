"""Which architectures have no score, and why."""

from __future__ import annotations

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words
from untrained.reports.tables.numbers import percent


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
    grid = paired(
        "failures",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("n", "ranked"),
            GridColumn("n_population", "of"),
            GridColumn("coverage", "coverage"),
            *(
                GridColumn(f"status_{i}", status, kind="number")
                for i, status in enumerate(statuses, start=1)
            ),
            GridColumn("tau", "Kendall τ-b", "over those ranked", interval=True),
            GridColumn("tau_failures_last", "τ-b, missing last", "missing scores tied behind all"),
        ),
        tuple(
            (
                words(row.correlation.indicator),
                whole_number(row.correlation.n),
                whole_number(row.correlation.n_population),
                Cell(percent(row.correlation.coverage), float(row.correlation.coverage)),
                *(whole_number(dict(row.failures).get(status, 0)) for status in statuses),
                number(
                    row.correlation.tau,
                    low=row.correlation.tau_low,
                    high=row.correlation.tau_high,
                ),
                number(row.correlation.tau_failures_last),
            )
            for row in rows
        ),
    )
    complete = len(table.rows) - len(rows)
    return Part(
        "failures",
        "Failures and coverage",
        f"Scores by the status they ended with; {complete} of {len(table.rows)} rows have a score "
        "for every architecture and are not listed. With several seeds an architecture has "
        "several scores.",
        grid,
        repeats=True,
    )
