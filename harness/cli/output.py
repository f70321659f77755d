"""Rows, tables and messages that commands print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from untrained.foundation import StorageError
from untrained.harness.cli.rows import print_rows
from untrained.harness.study.truth import ChosenTruth, NoTruth
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
    from untrained.harness.gate.checking import Check
    from untrained.results import AgreementTable, Finding


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


@dataclass(frozen=True, slots=True)
class Destinations:
    """The files that were asked for."""

    junit: Path | None
    summary: Path | None

    def write(self, check: Check, *, as_json: bool, everything: bool) -> None:
        """Print first, so that a file that cannot be written loses nothing; then write.

        Raises:
            StorageError: a file cannot be written.
        """
        from untrained.reports.pages.findings import (
            findings_json,
            findings_junit,
            findings_markdown,
        )

        title, facts = f"untrained check {check.baseline}", _facts(check)
        if as_json:
            document = {
                "baseline": check.baseline,
                "seed": check.seed,
                "other_versions": list(check.other_versions),
            }
            print(findings_json(document, check.findings), end="", flush=True)
        else:
            _print(check, facts, everything=everything)
        if self.junit is not None:
            _write(self.junit, findings_junit(title, check.findings), append=False)
        if self.summary is not None:
            text = findings_markdown(title, _verdict(check), facts, check.findings)
            _write(self.summary, text + "\n", append=True)


def check_destinations(junit: Path | None, summary: Path | None) -> Destinations:
    """The files, once it is clear that they can be written: before anything is measured.

    Raises:
        StorageError: one cannot.
    """
    for path in (junit, summary):
        if path is not None:
            _write(path, "", append=True)
    return Destinations(junit, summary)


def _write(path: Path, text: str, *, append: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a" if append else "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"cannot write to {str(path)!r}: {error.strerror or error}; name a file in a folder "
            "you can write to"
        ) from error


def _verdict(check: Check) -> str:
    failed, total = len(check.failed), len(check.findings)
    if failed:
        return f"{failed} of {total} statements do not hold any more."
    return f"Nothing has moved: {total} statements, none fails."


def _facts(check: Check) -> list[str]:
    from untrained.harness.gate.score_findings import FALSE_ALARM

    versions = [f"the baseline was written with {one}" for one in check.other_versions]
    if check.seed is None:
        return versions
    if check.same_seed:
        return [
            f"seed {check.seed}, one of the baseline's: its scores must come out the same",
            *versions,
        ]
    return [
        f"seed {check.seed}, none of the baseline's: scores are held against their spread between "
        f"its seeds; unbroken, one check in {1 / FALSE_ALARM:,.0f} fails by chance",
        *versions,
    ]


def _print(check: Check, facts: Sequence[str], *, everything: bool) -> None:
    from untrained.reports.pages.findings import tier_counts

    shown = [one for one in check.findings if everything or one.outcome != "holds"]
    if shown:
        _print_findings(shown)
        print()
    for line in [*tier_counts(check.findings), *facts, _verdict(check)]:
        print(line)


def _print_findings(findings: Sequence[Finding]) -> None:
    from untrained.reports.pages.findings import finding_grid

    grid = finding_grid(findings)
    print_rows(
        [
            {c.heading: cell.whole for c, cell in zip(grid.columns, row, strict=True)}
            for row in grid.rows
        ],
        unbroken=("Outcome", "Tier", "Indicator", "value", "limit"),
    )
