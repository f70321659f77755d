"""The tables of a report on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from untrained.harness.commands.rows import print_rows
from untrained.harness.truth import ChosenTruth, NoTruth
from untrained.reports import (
    Report,
    Section,
    agreement_facts,
    agreement_grid,
    agreement_notes,
    correlation_table,
    facts,
    note_lines,
)

if TYPE_CHECKING:
    from untrained.results import AgreementTable


def print_report(report: Report) -> None:
    """Print every table of a report."""
    for number, section in enumerate(report.sections):
        if number:
            print()
        print_section(section)
    for number, table in enumerate(report.agreements):
        if number or report.sections:
            print()
        print_agreement(table)


def warn_without_truth(truths: Mapping[str, ChosenTruth | NoTruth]) -> None:
    """Say on standard error which tables will be without accuracies, and why."""
    for space, truth in truths.items():
        if isinstance(truth, NoTruth):
            print(f"{space}: no accuracies: {truth.error or truth.reason}", file=sys.stderr)


def print_agreement(table: AgreementTable) -> None:
    """Print a table without accuracies, with what a reader needs to trust it."""
    for fact in agreement_facts(table):
        print(f"{fact.name}: {fact.text}")
    grid = agreement_grid(table)
    shown = [i for i, column in enumerate(grid.columns) if not column.aside]
    print_rows(
        [{grid.columns[i].heading: row[i].whole for i in shown} for row in grid.rows],
        title=table.title,
        unbroken=("Indicator",),
    )
    for line in agreement_notes(table):
        print(line)
    print(f"regenerate: {table.command}")


def print_section(section: Section) -> None:
    """Print a table with what a reader needs to trust it; as wide as the terminal, or whole."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)  # a file has room for every column
    table = section.table
    for fact in facts(table):
        console.print(Text(f"{fact.name}: {fact.text}"), soft_wrap=True)
    console.print(correlation_table(table, width=console.width))
    for line in note_lines(table):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"regenerate: {table.command}"), soft_wrap=True)
