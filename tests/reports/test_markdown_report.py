"""The Markdown document.

The golden file is rewritten by: UNTRAINED_UPDATE_GOLDEN=1 pytest tests/reports
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from untrained.reports import Report, Section, formats
from untrained.reports.formats.markdown import escape
from untrained.results import CorrelationTable, TableRow

GOLDEN = Path(__file__).parent / "golden" / "report.md"


def parse(text: str) -> list[str]:
    """Visible texts of a document, one for each inline block (paragraph, cell, heading)."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [
        "".join("\n" if t.type == "softbreak" else t.content for t in token.children or [])
        for token in tokens
        if token.type == "inline"
    ]


def test_the_document_is_the_golden_one(varied_report: Report) -> None:
    text = formats["markdown"].render(varied_report)
    if os.environ.get("UNTRAINED_UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_order_in_which_rows_were_computed_does_not_show(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    rows = [row("a", tau=0.5), row("b", tau=0.6), row("c", tau=0.5)]

    def render(chosen: list[TableRow]) -> str:
        return formats["markdown"].render(Report("T", (Section(table(*chosen)),)))

    assert render(rows) == render(rows[::-1])


def test_every_row_has_a_cell_for_every_column_whatever_the_names_hold(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    hostile = "|a|\n| b <script>alert(1)</script> `x` [l](http://e) **b** \\"
    report = Report(hostile, (Section(table(row(hostile), title=hostile, notes=(hostile,))),))
    text = formats["markdown"].render(report)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert len(lines) == 3
    assert html.count("<td") == html.count("<th ") + html.count("<th>") == 8
    for element in ("<script", "<a ", "<strong", "<code>x"):
        assert element not in html
    assert " ".join(hostile.split()) in parse(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.text("#-+=1.) |_*`<&$~[]x"))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    shown = " ".join(text.split())
    assert parse(f"- {escape(text)}") == ([shown] if shown else [])
    cell = f"x{text}x"
    assert parse(f"| a |\n| - |\n| {escape(cell)} |")[1] == " ".join(cell.split())


def test_a_command_with_backticks_stays_inside_its_fence(
    table: Callable[..., CorrelationTable],
) -> None:
    command = "echo ```\n# no heading"
    text = formats["markdown"].render(Report("T", (Section(table(command=command)),)))
    fences = [t for t in MarkdownIt("commonmark").parse(text) if t.type == "fence"]
    assert [fence.content for fence in fences] == [command + "\n"]


def test_rows_of_one_protocol_carry_no_marks(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    text = formats["markdown"].render(Report("T", (Section(table(row("a"), row("b"))),)))
    assert "a v1, b v1: cifar10 images" in text
    assert "¹" not in text


def test_without_resamples_no_interval_is_promised(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    ends = ("tau_low", "tau_high", "rho_low", "rho_high", "delta_low", "delta_high")
    bare = row("a", **dict.fromkeys(ends, float("nan")))
    text = formats["markdown"].render(Report("T", (Section(table(bare, resamples=0)),)))
    assert "95" not in text
    assert "Intervals: none" in text


@pytest.mark.parametrize("digest", ["", "ab" * 32])
def test_the_digest_of_the_truth_is_named_when_there_is_one(
    table: Callable[..., CorrelationTable], digest: str
) -> None:
    report = Report("T", (Section(table(truth_sha256=digest)),))
    assert ("SHA-256 abababababab" in formats["markdown"].render(report)) == bool(digest)


def test_lines_with_bullets_become_a_list() -> None:
    summary = "What it is.\n\N{BULLET} one_thing [a]\n\N{BULLET} another,\nlonger\n\nThe end."
    text = formats["markdown"].render(Report("Title", (), summary=summary))
    tokens = MarkdownIt("commonmark").parse(text)
    assert [t.type for t in tokens].count("list_item_open") == 2
    assert parse(text) == ["Title", "What it is.", "one_thing [a]", "another, longer", "The end."]
