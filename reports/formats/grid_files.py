"""Every table beside the correlation tables as a CSV file of its own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from untrained.reports.blocks.block import parts_of
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report
from untrained.reports.tables.grid import Cell, Column, Grid


@report_format("tables", title="CSV of every table, in a folder", suffix="-tables")
def render(report: Report) -> dict[str, str]:
    """A file a table, named `table-NUMBER-NAME.csv`; those of several tables begin with `all`.

    Tables that documents shorten are whole here. Statistics have six decimals, a missing number is
    an empty field, and an interval stands in two columns beside its number. The correlation tables
    themselves are the format `csv`.
    """
    return {f"{name}.csv": grid_csv(grid) for name, grid in named_grids(report)}


def named_grids(report: Report) -> Iterator[tuple[str, Grid]]:
    """Every table of the parts of a report under a name of its own, in the order of the page."""
    for number, section in enumerate(report.sections, start=1):
        for part in parts_of(section):
            if grid := part.full or part.grid:
                yield f"table-{number}-{part.name}", grid
    for part in parts_of(report):
        if grid := part.full or part.grid:
            yield f"all-{part.name}", grid


def grid_csv(grid: Grid) -> str:
    """One table as CSV, with its columns' names as the header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([name for column in grid.columns for name in _header(column)])
    for row in grid.rows:
        cells = [(column, column.cell(row)) for column in grid.columns]
        writer.writerow([field for column, cell in cells for field in _fields(column, cell)])
    return stream.getvalue()


def _header(column: Column) -> list[str]:
    ends = [f"{column.name}_low", f"{column.name}_high"] if column.interval else []
    return [column.name, *ends]


def _fields(column: Column, cell: Cell) -> list[str]:
    ends = [_field(cell.low), _field(cell.high)] if column.interval else []
    return [_field(cell.value), *ends]


def _field(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:z.6f}"
