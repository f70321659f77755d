"""What stands beside a correlation table: a heading, a figure, a table, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.reports.figures.drawing import Figure
from untrained.reports.tables.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One aspect of a report; every format shows as much of it as it can."""

    name: str
    """For anchors and file names: lower-case letters, digits and hyphens; unique in its section."""
    title: str
    meaning: str
    """How to read it, one or more sentences."""
    grid: Grid | None = None
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """What holds for this data: one line each."""
    full: Grid | None = None
    """The table whole, where `grid` is a digest of it: for files that programs read."""
    command: str = ""
    """Regenerates it, where that is another command than the table's."""
    repeats: bool = False
    """Whether the correlation table and its notes hold the grid's numbers already: documents that
    are read from top to bottom then leave the grid out."""

    def __post_init__(self) -> None:
        """Refuse a part that shows nothing.

        Raises:
            ValueError: there is neither a table nor a figure.
        """
        if self.grid is None and not self.figures:
            raise ValueError(f"the part {self.title!r} has neither a table nor a figure")
