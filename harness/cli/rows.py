"""Plain rows as a table on standard output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def print_rows(
    rows: Sequence[Mapping[str, str]],
    *,
    title: str = "",
    unbroken: Collection[str] = ("name",),
    width_of_files: int = 200,
) -> None:
    """Print rows under their keys; as wide as the terminal.

    Args:
        rows: all with the same keys.
        title: above the table.
        unbroken: the columns that are not wrapped.
        width_of_files: columns of characters where the output is no terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for key in rows[0] if rows else ():
        table.add_column(key.replace("_", " "), overflow="fold", no_wrap=key in unbroken)
    for row in rows:
        table.add_row(*(Text(value) for value in row.values()))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=width_of_files)
    console.print(table)
