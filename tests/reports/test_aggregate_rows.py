"""Rows that were computed from other rows are told from measured ones, in every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.tables.columns import label_of_row
from untrained.reports.tables.facts import AGGREGATE_MEANING, note_lines, protocol_notes
from untrained.results import CorrelationTable, TableRow

TEXT = "rank of -kappa + rank of R; members kappa, regions; relative to this population"


@pytest.fixture
def made(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> tuple[CorrelationTable, TableRow]:
    computed = row(
        "te_nas",
        tau=0.6,
        n=990,
        members=("kappa", "regions"),
        protocol="77aa88bb99cc00dd 3fa9c1d2e4b50617",
        protocol_text=TEXT,
        seeds=(0, 1),
        failures=(("kappa:diverged", 10),),
    )
    return table(row("naswot"), computed), computed


def test_a_computed_row_has_a_double_dagger_and_a_note(
    made: tuple[CorrelationTable, TableRow],
) -> None:
    table, computed = made
    assert label_of_row(computed, protocol_notes(table.ranked)) == "te_nas‡¹"
    lines = note_lines(table)
    assert lines[0] == (
        f"¹ te_nas v1: {TEXT}; seeds 0, 1 (protocols 77aa88bb99cc00dd, 3fa9c1d2e4b50617)"
    )
    assert AGGREGATE_MEANING in lines
    assert "te_nas: 10 of 1,000 not ranked, 10 kappa:diverged; tau-b 0.574 if they rank last" in (
        lines
    )


def test_a_table_of_measured_rows_explains_no_double_dagger(varied_table: CorrelationTable) -> None:
    assert "‡" not in " ".join(note_lines(varied_table))
    assert "‡" not in formats["markdown"].render(Report("T", (Section(varied_table),)))


def test_every_format_names_the_members(made: tuple[CorrelationTable, TableRow]) -> None:
    report = Report("T", (Section(made[0]),))
    lines = list(csv.DictReader(io.StringIO(formats["csv"].render(report))))
    assert [line["members"] for line in lines] == ["kappa regions", ""]
    assert lines[0]["failures"] == "kappa:diverged=10"
    (table,) = json.loads(formats["json"].render(report))["tables"]
    assert [line["members"] for line in table["rows"]] == [["kappa", "regions"], []]
    markdown = formats["markdown"].render(report)
    assert "| te_nas‡¹ " in markdown
    assert TEXT in markdown
    page = formats["html"].render(report)
    assert '<span title="computed from kappa, regions">‡</span>' in page
    assert page.count('title="computed from') == 1
