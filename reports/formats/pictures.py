"""Figures as files: rank correlation against cost alone, or every figure of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import parts_of
from untrained.reports.blocks.scatter import scatter_plots
from untrained.reports.figures.cost_quality import cost_quality
from untrained.reports.figures.drawing import Figure
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report, Section

if TYPE_CHECKING:
    import matplotlib.figure


@report_format("svg", title="SVG, rank correlation against cost", suffix=".svg")
def render_svg(report: Report) -> str:
    """One panel a table; a table without known costs has none."""
    return _cost(report).svg()


@report_format("pdf", title="PDF, rank correlation against cost", suffix=".pdf")
def render_pdf(report: Report) -> bytes:
    """The same picture as the format `svg`."""
    return _cost(report).pdf()


@report_format("figures", title="SVG and PDF of every figure, in a folder", suffix="-figures")
def render_all(report: Report) -> dict[str, str | bytes]:
    """Two files a figure, named `TABLE-FIGURE`; those of several tables begin with `all`.

    Scatter plots end with the name of their indicator, as far as file names may hold it.
    """
    files: dict[str, str | bytes] = {}
    for name, figure in named_figures(report):
        files[f"{name}.svg"] = figure.svg()
        files[f"{name}.pdf"] = figure.pdf()
    return files


def named_figures(report: Report) -> Iterator[tuple[str, Figure]]:
    """Every figure of a report under a name of its own, in the order of the page."""
    for place, whole in report.places():
        for part in parts_of(whole):
            for figure in part.figures:
                yield f"{place}-{figure.name}", figure
        for plot in scatter_plots(whole) if isinstance(whole, Section) else ():
            if plot.figure:
                name = _plain(plot.row.correlation.indicator)
                yield f"{place}-{plot.figure.name}{name}", plot.figure


def _plain(indicator: str) -> str:
    """The part of a name that is safe in every file system, behind a hyphen."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "" for c in indicator)
    return f"-{kept[:40]}" if kept else ""


def _cost(report: Report) -> Figure:
    made = cost_quality([section.table for section in report.sections])
    return made or Figure("cost-quality", "No indicator has a known cost", (7.2, 1.0), _empty)


def _empty(figure: matplotlib.figure.Figure) -> None:
    figure.text(0.02, 0.5, "no indicator of this report has a known cost", va="center")
