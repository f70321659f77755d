"""JSON: everything a report holds except the points, in full precision, for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report

if TYPE_CHECKING:
    from untrained.results import ComparedRow, CorrelationTable, SideBySide, TableRow

DOCUMENT_VERSION = 2
"""Raised whenever a key changes its meaning or goes away."""


@report_format("json", title="JSON, full precision, for programs", suffix=".json")
def render(report: Report) -> str:
    """Render one JSON object; a missing number is null, an infinite number is a text."""
    document = {
        "document_version": DOCUMENT_VERSION,
        "untrained": report.version,
        "title": report.title,
        "summary": report.summary,
        "tables": [_table(section.table) for section in report.sections],
        "agreements": report.agreements,
        "comparisons": [_comparison(one) for one in report.comparisons],
        "parts": [_part(part) for part in report.parts],
        "environments": list(report.environments),
    }
    return json_text(document)


def json_text(document: Mapping[str, object]) -> str:
    """Write a document as strict JSON.

    Args:
        document: dataclasses, mappings, sequences, numbers (of NumPy too) and texts. NaN becomes
            null and an infinite number the text `inf` or `-inf`.
    """
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _part(part: Part) -> dict[str, object]:
    grid = part.full or part.grid
    return {
        "name": part.name,
        "title": part.title,
        "meaning": part.meaning,
        "notes": part.notes,
        "rows": [grid.record(row) for row in grid.rows] if grid else [],
    }


def _table(table: CorrelationTable) -> dict[str, object]:
    return fields(table) | {"rows": [_row(row) for row in table.ranked]}


def _row(row: TableRow) -> dict[str, object]:
    correlation = fields(row.correlation, "coverage")
    return fields(row) | {"correlation": correlation, "failures": dict(sorted(row.failures))}


def _comparison(one: SideBySide) -> dict[str, object]:
    return fields(one) | {"rows": [_compared(row) for row in one.rows]}


def _compared(row: ComparedRow) -> dict[str, object]:
    change, side = row.change, row.side
    return fields(row) | {
        "change": fields(change, "coverage_before", "coverage_after"),
        "side": fields(side, "cost_ratio"),
    }


def fields(value: Any, *computed: str, without: Collection[str] = ()) -> dict[str, object]:
    """Collect the fields of a dataclass by name, then some of its computed properties."""
    names = [field.name for field in dataclasses.fields(value) if field.name not in without]
    return {name: getattr(value, name) for name in (*names, *computed)}


def plain(value: object) -> object:
    """Convert a value to types that strict JSON has."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = fields(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
