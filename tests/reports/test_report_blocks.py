"""A block of another package: one file and one entry point."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from untrained.foundation import Registry
from untrained.reports import Part, Report, Section, formats, report_blocks
from untrained.reports.blocks import block
from untrained.results import CorrelationTable

FILE = """
from untrained.reports import Part, Report, Section, report_block
from untrained.reports.tables.grid import Column, Grid

@report_block("row-count", of=Section, order=15)
def rows(section: Section) -> Part:
    grid = Grid("rows", (Column("rows", "rows", len),), (section.table.rows,))
    return Part("row-count", "How many rows", "Counted.", grid)

@report_block("table-count", of=Report, order=99)
def tables(report: Report) -> Part | None:
    return None
"""


def test_a_file_of_another_package_adds_a_block(
    full_table: Callable[..., CorrelationTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("elsewhere")
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    fresh: Registry[block.ReportBlock] = Registry(
        "report block", package="untrained.reports.blocks", group="untrained.report_blocks"
    )
    for name, one in report_blocks.items():
        fresh.register(name, one, origin=report_blocks.origin(name))
    monkeypatch.setattr(block, "report_blocks", fresh)

    def load(_: EntryPoint) -> None:
        exec(FILE, module.__dict__)

    entry = EntryPoint("counts", "elsewhere", "untrained.report_blocks")
    monkeypatch.setattr(EntryPoint, "load", load)
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [entry] * (group == entry.group)
    )
    text = formats["markdown"].render(Report("T", (Section(full_table()),)))
    assert "### How many rows\n\n| rows |" in text
    places = [text.index(title) for title in ("The top of the", "How many rows", "Size bias")]
    assert places == sorted(places)
    assert block.report_blocks.origin("row-count") == "elsewhere"


def test_built_in_blocks_stand_in_their_order(full_report: Report) -> None:
    section = full_report.sections[0]
    made = block.parts_of(section)
    assert [part.name for part in made] == [
        *("top", "size-bias", "pairs", "redundancy", "cost-quality", "stability"),
    ]
    own = Part("own", "Own", "Given.", made[0].grid)
    assert block.parts_of(Section(section.table, parts=(own,)))[-1] is own
    assert [part.name for part in block.parts_of(full_report)] == ["heat-map", "tasks"]
