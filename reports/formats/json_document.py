"""JSON: everything a report holds except the points, in full precision, for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report

if TYPE_CHECKING:
    from untrained.results import CorrelationTable, SideBySide

DOCUMENT_VERSION = 1
"""Raised whenever a key changes its meaning or goes away."""


@report_format("json", title="JSON, full precision, for programs", suffix=".json")
def render(report: Report) -> str:
    """The report as one JSON object; a number that does not exist is null, an infinite one text."""
    document = {
        "document_version": DOCUMENT_VERSION,
        "untrained": report.version,
        "title": report.title,
        "summary": report.summary,
        "tables": [_table(section.table) for section in report.sections],
        "agreements": [dataclasses.asdict(table) for table in report.agreements],
        "comparisons": [_comparison(one) for one in report.comparisons],
        "environments": list(report.environments),
    }
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(table: CorrelationTable) -> dict[str, Any]:
    fields = dataclasses.asdict(table)
    fields["rows"] = []
    for row in table.ranked:
        line = dataclasses.asdict(row)
        line["correlation"]["coverage"] = row.correlation.coverage
        line["failures"] = dict(sorted(row.failures))
        fields["rows"].append(line)
    return fields


def _comparison(one: SideBySide) -> dict[str, Any]:
    fields = dataclasses.asdict(one)
    for line, row in zip(fields["rows"], one.rows, strict=True):
        line["change"]["coverage_before"] = row.change.coverage_before
        line["change"]["coverage_after"] = row.change.coverage_after
        line["side"]["cost_ratio"] = row.side.cost_ratio
    return fields


def plain(value: object) -> object:
    """The same value made of what strict JSON has."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
