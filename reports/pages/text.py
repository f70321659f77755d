"""A correlation table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from untrained.reports.tables.columns import columns

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
    shown = {column.name: column for column in columns(table)}
    texts = {name: [c.cell(row).whole for row in rows] for name, c in shown.items()}
    wide = {
        name: max(map(cell_len, [shown[name].heading, *texts[name]])) + _PADDING for name in shown
    }
    left_out: list[str] = []
    for name in _LEAVE_OUT_FIRST:
        if width is None or sum(wide.values()) <= width:
            break
        del wide[name]
        left_out.append(shown[name].heading)
    names = ", ".join(left_out)
    grid = Table(
        title=Text(table.title),
        caption=Text(f"too narrow for: {names}") if left_out else None,
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=True,
        show_edge=False,
    )
    for name in wide:
        justify: Literal["left", "right"] = "right" if shown[name].kind == "number" else "left"
        grid.add_column(Text(shown[name].heading), justify=justify, no_wrap=True)
    for i in range(len(rows)):
        grid.add_row(*(Text(texts[name][i]) for name in wide))
    return grid
