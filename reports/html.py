"""HTML: one self-contained page with tables, intervals as bars, and a scatter plot an indicator."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from untrained.reports.columns import Column, columns
from untrained.reports.environment import entries
from untrained.reports.facts import (
    AGGREGATE,
    ARROW,
    facts,
    mark,
    note_lines,
    protocol_notes,
    protocol_number,
)
from untrained.reports.forest import Bar, Forest, forest
from untrained.reports.formats import report_format
from untrained.reports.points import points
from untrained.reports.published import COLUMNS, HEADING, MEANING, published_lines
from untrained.reports.report import Report, Section
from untrained.reports.scatter import scatter_svg

if TYPE_CHECKING:
    from untrained.results import CorrelationTable, TableRow


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    range: str
    value: str
    """What the column is sorted by; empty = missing, sorted last."""


@dataclass(frozen=True, slots=True)
class _Line:
    row: TableRow
    number: int
    """Of the protocol note; 0 = no mark."""
    bar: Bar | None
    cells: tuple[_Cell, ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    row: TableRow
    svg: str
    """Empty when there is no point to draw."""
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What the template shows of one section."""

    anchor: str
    table: CorrelationTable
    columns: tuple[Column, ...]
    lines: tuple[_Line, ...]
    forest: Forest
    reference: float | None
    """Where the forest plot draws the parameter count's tau-b, in pixels."""
    figures: tuple[_Figure, ...]


@report_format("html", title="HTML, one self-contained page with figures", suffix=".html")
def render(report: Report) -> str:
    """The report as one page that loads nothing: readable on a phone, in print, light and dark."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["minus"] = lambda text: str(text).replace("-", "\N{MINUS SIGN}")
    script = _template("sort.js")
    return environment.get_template("report.html.j2").render(
        report=report,
        paragraphs=[part for part in re.split(r"\n\s*\n", report.summary) if part.strip()],
        parts=[_part(section, i) for i, section in enumerate(report.sections, start=1)],
        environments=[list(entries(environment)) for environment in report.environments],
        aggregate=AGGREGATE,
        arrow=ARROW,
        facts=facts,
        mark=mark,
        note_lines=note_lines,
        published_columns=COLUMNS,
        published_heading=HEADING,
        published_lines=published_lines,
        published_meaning=MEANING,
        script=script,
        script_sha256=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=_template("style.css"),
    )


@cache
def _template(name: str) -> str:
    return files("untrained.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _part(section: Section, number: int) -> _Part:
    table = section.table
    rows = table.ranked
    scale = forest(
        value
        for row in rows
        for value in (row.correlation.tau, row.correlation.tau_low, row.correlation.tau_high)
    )
    shown = columns(table)
    notes = protocol_notes(table)
    lines = tuple(
        _Line(
            row=row,
            number=protocol_number(row, notes),
            bar=scale.bar(row.correlation.tau_low, row.correlation.tau, row.correlation.tau_high),
            cells=tuple(_cell(column, row) for column in shown),
        )
        for row in rows
    )
    params = [line.bar.middle for line in lines if _is_baseline(line.row) and line.bar]
    return _Part(
        anchor=f"table-{number}",
        table=table,
        columns=shown,
        lines=lines,
        forest=scale,
        reference=params[0] if params else None,
        figures=tuple(
            _figure(section, row, f"f{number}-{i}") for i, row in enumerate(rows, start=1)
        )
        if section.scores is not None
        else (),
    )


def _is_baseline(row: TableRow) -> bool:
    return row.correlation.indicator == "params"


def _cell(column: Column, row: TableRow) -> _Cell:
    value = column.value(row)
    return _Cell(
        text=column.cell(row),
        range=column.range(row),
        value="" if math.isnan(value) else repr(float(value)),
    )


def _figure(section: Section, row: TableRow, name: str) -> _Figure:
    assert section.scores is not None
    assert section.truth is not None
    pairs = points(section.scores[row.correlation.indicator], section.truth)
    remarks = [pairs.omissions()]
    if not pairs.x.size:
        return _Figure(
            row, "", ("no pair of finite score and truth to draw", *filter(None, remarks))
        )
    if pairs.scale != "linear":
        remarks.insert(
            0, "logarithmic axis" if pairs.scale == "log" else "logarithmic axis beyond zero"
        )
    label = row.correlation.indicator
    svg = scatter_svg(
        pairs,
        x_label=label if row.higher_is_better else f"{label} (lower is better)",
        y_label=section.table.target,
        name=name,
    )
    return _Figure(row, svg, tuple(filter(None, remarks)))
