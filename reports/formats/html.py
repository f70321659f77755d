"""HTML: one self-contained page with tables, intervals as bars, and a scatter plot an indicator."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, parts_of
from untrained.reports.blocks.scatter import ScatterPlot, scatter_plots
from untrained.reports.figures.dot_rows import Bar, Forest, forest
from untrained.reports.figures.drawing import Figure
from untrained.reports.formats.formats import report_format, template, template_environment
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.columns import correlation_grid
from untrained.reports.tables.facts import (
    AGGREGATE,
    ARROW,
    ProtocolNote,
    entries,
    facts,
    mark,
    other_lines,
    protocol_notes,
    protocol_number,
)
from untrained.reports.tables.grid import Cell, Column, Grid

if TYPE_CHECKING:
    from untrained.results import CorrelationTable


@dataclass(frozen=True, slots=True)
class _Plot:
    """A scatter plot and where it stands in the page."""

    plot: ScatterPlot
    svg: str
    """Empty when there is no point to draw."""
    absent: str
    """Places, in the section's list of names, of the networks that are not drawn."""
    present: str
    """The places of those that are, where they are fewer; else empty."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A part with its figures as SVG."""

    part: Part
    anchor: str
    figures: tuple[tuple[Figure, str], ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Values of one section for the template."""

    anchor: str
    table: CorrelationTable
    grid: Grid
    notes: tuple[ProtocolNote, ...]
    forest: Forest
    reference: float | None
    """Place of the parameter count's tau-b in the forest plot, in pixels."""
    parts: tuple[_Shown, ...]
    plots: tuple[_Plot, ...]
    names: tuple[str, ...]
    """Networks that plots refer to by their place."""
    dense: bool
    """Whether some plot is a density."""

    @property
    def columns(self) -> dict[str, Column]:
        """Return the columns by name."""
        return {column.name: column for column in self.grid.columns}

    def bar(self, cell: Cell) -> Bar | None:
        """Make the bar of an entry of the leading column."""
        value = math.nan if cell.value is None else float(cell.value)
        return self.forest.bar(cell.low, value, cell.high)


@report_format("html", title="HTML, one self-contained page with figures", suffix=".html")
def render(report: Report) -> str:
    """Render one page that loads nothing: readable on a phone, in print, in light and dark."""
    environment = template_environment(autoescape=True)
    environment.filters["minus"] = lambda text: str(text).replace("-", "\N{MINUS SIGN}")
    script = "".join(template(f"{name}.js") for name in ("sort", "filter", "point", "columns"))
    return environment.get_template("report.html.j2").render(
        report=report,
        tables=[_table(section, i) for i, section in enumerate(report.sections, start=1)],
        parts=[_shown(part, "all") for part in parts_of(report)],
        environments=[list(entries(environment)) for environment in report.environments],
        aggregate=AGGREGATE,
        arrow=ARROW,
        facts=facts,
        mark=mark,
        other_lines=other_lines,
        protocol_number=protocol_number,
        script=script,
        script_sha256=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=template("style.css"),
    )


def _table(section: Section, number: int) -> _Table:
    anchor = f"table-{number}"
    table = section.table
    rows = table.ranked
    scale = forest(
        value
        for row in rows
        for value in (row.correlation.tau, row.correlation.tau_low, row.correlation.tau_high)
    )
    taus = [row.correlation.tau for row in rows if row.indicator == "params"]
    bars = [scale.bar(math.nan, tau, math.nan) for tau in taus]
    params = [bar.middle for bar in bars if bar]
    plots = scatter_plots(section)
    names = sorted({name for plot in plots for name in plot.names})
    return _Table(
        anchor=anchor,
        table=table,
        grid=correlation_grid(table),
        notes=protocol_notes(rows),
        forest=scale,
        reference=params[0] if params else None,
        parts=tuple(_shown(part, anchor) for part in parts_of(section)),
        plots=tuple(_plot(plot, anchor, names) for plot in plots),
        names=tuple(names),
        dense=any(plot.dense for plot in plots),
    )


def _shown(part: Part, place: str) -> _Shown:
    anchor = f"{place}-{part.name}"
    figures = tuple((one, one.inline(f"{anchor}-{one.name}")) for one in part.figures)
    return _Shown(part, anchor, figures)


def _plot(plot: ScatterPlot, place: str, names: list[str]) -> _Plot:
    svg = plot.figure.inline(f"{place}-{plot.figure.name}") if plot.figure else ""
    drawn = set(plot.names)
    places = [(str(i), name in drawn) for i, name in enumerate(names)]
    absent = " ".join(place for place, there in places if not there)
    present = " ".join(place for place, there in places if there)
    if len(present) < len(absent):
        return _Plot(plot, svg, absent="", present=present)
    return _Plot(plot, svg, absent=absent, present="")
