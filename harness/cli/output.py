"""Rows, tables and messages that commands print."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from untrained.harness.study.truth import ChosenTruth, NoTruth
    from untrained.reports import Report, Section
    from untrained.results import AgreementTable


def print_rows(
    rows: Sequence[Mapping[str, str]],
    *,
    title: str = "",
    unbroken: Collection[str] = ("name",),
    width_of_files: int = 200,
) -> None:
    """Print rows under their keys; as wide as the terminal.

    Args:
        rows: all with the same keys.
        unbroken: the columns that are not wrapped.
        width_of_files: columns of characters where the output is no terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for key in rows[0] if rows else ():
        table.add_column(key.replace("_", " "), overflow="fold", no_wrap=key in unbroken)
    for row in rows:
        table.add_row(*(Text(value) for value in row.values()))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=width_of_files)
    console.print(table)


def printable(text: str) -> str:
    r"""Replace what would control a terminal, in a text that comes from a file or a plug-in.

    >>> printable("a\x1b[2J\nb")
    'a [2J b'
    """
    return "".join(one if one.isprintable() else " " for one in text)


def typed_command(*without: str) -> str:
    """Return the command line, which repeats a run, without some options that have a value."""
    words = iter(sys.argv[1:])
    kept = ["untrained"]
    for word in words:
        if word in without:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in without)):
            kept.append(shlex.quote(word))
    return " ".join(kept)


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
    """Say on standard error which tables will be without the accuracies asked for, and why."""
    from untrained.harness.study.truth import NoTruth

    for space, truth in truths.items():
        if isinstance(truth, NoTruth):
            print(f"{space}: no accuracies: {truth.error or truth.reason}", file=sys.stderr)
        elif truth.instead_of:
            print(f"{space}: {truth.fallback_note()}", file=sys.stderr)


def print_agreement(table: AgreementTable) -> None:
    """Print a table without accuracies, with what a reader needs to trust it."""
    from untrained.reports import agreement_facts, agreement_grid, agreement_notes

    for fact in agreement_facts(table):
        print(f"{fact.name}: {fact.text}")
    print_rows(agreement_grid(table).texts(), title=table.title, unbroken=("Indicator",))
    for line in agreement_notes(table):
        print(line)
    print(f"regenerate: {table.command}")


def print_section(section: Section) -> None:
    """Print a table with what a reader needs to trust it; as wide as the terminal, or whole."""
    from rich.console import Console
    from rich.text import Text

    from untrained.reports import correlation_table, facts, note_lines

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
