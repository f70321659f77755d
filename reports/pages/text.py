"""A correlation table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from untrained.reports.tables.columns import columns, label

if TYPE_CHECKING:
    from rich.table import Table

    from untrained.results import CorrelationTable

_LEAVE_OUT_FIRST = ("ties", "alone_s", "coverage", "rho", "delta")
_PADDING = 3  # a space on either side and the rule between columns


def correlation_table(table: CorrelationTable, *, width: int | None = None) -> Table:
    """The table's rows as a rich table, without the facts beside them.

    Marks refer to the lines of `note_lines`.

    Args:
        width: characters there are; columns that do not fit are left out, the least important
            first, and the caption names them. None: all columns.

    Returns:
        Right-aligned numbers; names are taken as text, never as markup.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    rows = table.ranked
    labels = [label(row, table) for row in rows]
    shown = columns(table)
    headings = {column.name: column.heading for column in shown}
    wide = {c.name: max(map(cell_len, [c.heading, *map(c.text, rows)])) + _PADDING for c in shown}
    first = max(map(cell_len, ["Indicator", *labels])) + _PADDING
    left_out: list[str] = []
    for name in _LEAVE_OUT_FIRST:
        if width is None or first + sum(wide.values()) <= width:
            break
        del wide[name]
        left_out.append(headings[name])
    shown = tuple(column for column in shown if column.name in wide)
    names = ", ".join(left_out)
    grid = Table(
        title=Text(table.title),
        caption=Text(f"too narrow for: {names}") if left_out else None,
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=True,
        show_edge=False,
    )
    grid.add_column(Text("Indicator"), no_wrap=True)
    for column in shown:
        grid.add_column(Text(column.heading), justify="right", no_wrap=True)
    for row, name in zip(rows, labels, strict=True):
        grid.add_row(Text(name), *(Text(column.text(row)) for column in shown))
    return grid
