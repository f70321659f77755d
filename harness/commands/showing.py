"""A correlation table on standard output."""

from __future__ import annotations

from untrained.reports import Section, correlation_table, facts, note_lines


def print_section(section: Section) -> None:
    """Print a table with what a reader needs to trust it; as wide as the terminal, or whole."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)  # a file has room for every column
    table = section.table
    for fact in facts(table):
        console.print(Text(f"{fact.name}: {fact.text}"), soft_wrap=True)
    console.print(correlation_table(table, width=console.width))
    for line in note_lines(table):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"regenerate: {table.command}"), soft_wrap=True)
