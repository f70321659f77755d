"""Files in place of documents: CSV tables and figures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from untrained.reports.blocks.agreement import full_grid
from untrained.reports.blocks.block import parts_of
from untrained.reports.blocks.scatter import scatter_plots
from untrained.reports.blocks.side_by_side import changes_grid
from untrained.reports.figures.cost_quality import cost_quality
from untrained.reports.figures.drawing import Figure
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.grid import DIRECTION, MEMBERS, SEEDS, Column, Grid, Line
from untrained.results.store.export import spreadsheet_cell

if TYPE_CHECKING:
    import matplotlib.figure

    from untrained.results import CorrelationTable


@report_format("csv", title="CSV, one line an indicator, for spreadsheets and diffs", suffix=".csv")
def render(report: Report) -> str:
    """Write the tables of a report in one file, without its points, summary and environments.

    Every line is complete by itself. A missing number is an empty field; statistics have six
    decimals; several seeds are separated by spaces, failures are written `status=count`, or
    `member:status=count` of an aggregate, whose members and their protocols are separated by
    spaces too.

    A report that has only tables without accuracies, only two stores side by side, or only a page
    of parts gives these (of parts the first table), under columns of other names; beside tables
    with accuracies they are left to the format `tables`.
    """
    if report.sections:
        return grid_csv(_lines_grid(*(section.table for section in report.sections)))
    if report.comparisons:
        return grid_csv(changes_grid(*report.comparisons))
    if report.agreements:
        return grid_csv(full_grid(*report.agreements))
    grids = (part.full or part.grid for part in report.parts)
    return grid_csv(next((grid for grid in grids if grid), _lines_grid()))


@report_format("tables", title="CSV of every table, in a folder", suffix="-tables")
def render_tables(report: Report) -> dict[str, str]:
    """Write a file a table: `table-NUMBER-NAME.csv`, or `all-NAME.csv` for several tables.

    Tables that documents shorten are whole here. Statistics have six decimals, a missing number is
    an empty field, and an interval stands in two columns beside its number. The correlation tables
    themselves are the format `csv`.
    """
    return {f"{name}.csv": grid_csv(grid) for name, grid in named_grids(report)}


def named_grids(report: Report) -> Iterator[tuple[str, Grid]]:
    """Name every table of the parts of a report, in the order of the page."""
    for place, whole in report.places():
        for part in parts_of(whole):
            if grid := part.full or part.grid:
                yield f"{place}-{part.name}", grid


def grid_csv(grid: Grid) -> str:
    """Write one table as CSV, with its columns' names as the header.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    frame = grid.frame()
    for name in frame.select_dtypes(exclude="number"):
        frame[name] = frame[name].map(spreadsheet_cell)
    text: str = frame.to_csv(index=False, lineterminator="\n", float_format="{:z.6f}".format)
    return text


def _lines_grid(*tables: CorrelationTable) -> Grid:
    of_table = ("title", "space", "population", "target", "truth_source", "truth_sha256")
    statistics = (
        *("tau", "tau_low", "tau_high", "rho", "rho_low", "rho_high", "tau_failures_last"),
        *("ties_score", "ties_truth", "delta_tau", "delta_low", "delta_high", "delta_p_holm"),
        *("coverage", "n_common", "tau_common", "n_finite", "tau_finite"),
    )
    return Grid(
        "correlations",
        (
            *(Column(name, get=f"table.{name}") for name in (*of_table, "resamples")),
            Column("confidence", get=lambda line: str(line.table.confidence)),
            Column("bootstrap_seed", get="table.bootstrap_seed"),
            *(Column(name, get=f"row.{name}") for name in ("indicator", "version", "protocol")),
            SEEDS,
            DIRECTION,
            Column("n", get="row.correlation.n"),
            Column("n_population", get="row.correlation.n_population"),
            *(Column(name, get=f"row.correlation.{name}") for name in statistics),
            Column("batches", get=lambda line: getattr(line.row.batch, "draws", None)),
            Column("tau_batch_sd", get=lambda line: getattr(line.row.batch, "tau", None)),
            Column("n_functions", get=lambda line: getattr(line.row.functions, "n", None)),
            *(
                Column(f"{name}_functions", get=partial(_over_functions, name))
                for name in ("tau", "tau_low", "tau_high", "delta_tau", "delta_low", "delta_high")
            ),
            Column("failures", get=_failures),
            Column("alone_s", get="row.alone_s"),
            MEMBERS,
        ),
        [Line(table, row) for table in tables for row in table.ranked],
    )


def _over_functions(name: str, line: Line) -> float | None:
    return getattr(line.row.functions, name, None)


def _failures(line: Line) -> str:
    return " ".join(f"{status}={n}" for status, n in sorted(line.row.failures))


@report_format("svg", title="SVG, rank correlation against cost", suffix=".svg")
def render_svg(report: Report) -> str:
    """Draw one panel a table; a table without known costs has none."""
    return _cost(report).svg()


@report_format("pdf", title="PDF, rank correlation against cost", suffix=".pdf")
def render_pdf(report: Report) -> bytes:
    """Draw the same picture as the format `svg`."""
    return _cost(report).pdf()


@report_format("figures", title="SVG and PDF of every figure, in a folder", suffix="-figures")
def render_all(report: Report) -> dict[str, str | bytes]:
    """Write two files a figure, named `TABLE-FIGURE`; `all-FIGURE` for several tables.

    Scatter plots end with the name of their indicator, as far as file names may hold it.
    """
    files: dict[str, str | bytes] = {}
    for name, figure in named_figures(report):
        files[f"{name}.svg"] = figure.svg()
        files[f"{name}.pdf"] = figure.pdf()
    return files


def named_figures(report: Report) -> Iterator[tuple[str, Figure]]:
    """Name every figure of a report, in the order of the page."""
    for place, whole in report.places():
        for part in parts_of(whole):
            for figure in part.figures:
                yield f"{place}-{figure.name}", figure
        for plot in scatter_plots(whole) if isinstance(whole, Section) else ():
            if plot.figure:
                name = _plain(plot.row.correlation.indicator)
                yield f"{place}-{plot.figure.name}{name}", plot.figure


def _plain(indicator: str) -> str:
    """Keep the part of a name that is safe in every file system, after a hyphen."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "" for c in indicator)
    return f"-{kept[:40]}" if kept else ""


def _cost(report: Report) -> Figure:
    made = cost_quality([section.table for section in report.sections])
    return made or Figure("cost-quality", "No indicator has a known cost", (7.2, 1.0), _empty)


def _empty(figure: matplotlib.figure.Figure) -> None:
    figure.text(0.02, 0.5, "no indicator of this report has a known cost", va="center")
