"""Blocks of a report and their registry; a file of this folder registers the ones it defines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from untrained.foundation import Registry
from untrained.reports.figures.drawing import Figure
from untrained.reports.tables.grid import Grid

if TYPE_CHECKING:
    from untrained.reports.pages.report import Report, Section


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One aspect of a report; every format shows as much of it as it can."""

    name: str
    """Name for anchors and files: lower-case letters, digits, hyphens; unique in its section."""
    title: str
    meaning: str
    """Explanation of the part, one or more sentences."""
    grid: Grid | None = None
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """Notes on this data, one line each."""
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


Made = Part | Iterable[Part] | None
"""Parts of a report; None if the data allow nothing."""
_Whole = TypeVar("_Whole", "Section", "Report")
_Made = TypeVar("_Made", bound=Made)


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """A function that makes parts of a section or of a whole report."""

    of: type[Section] | type[Report]
    order: int
    """Blocks of lower order stand first."""
    make: Callable[[Any], Made]


report_blocks: Registry[ReportBlock] = Registry(
    "report block", package="untrained.reports.blocks", group="untrained.report_blocks"
)


def report_block(
    name: str, *, of: type[_Whole], order: int
) -> Callable[[Callable[[_Whole], _Made]], Callable[[_Whole], _Made]]:
    """Register the decorated function as a block of every section or of every report.

    Args:
        name: lower-case letters, digits and hyphens; names the block in messages.
        of: `Section` (one correlation table and its scores) or `Report`.
        order: place among the blocks of the same kind; the built-in ones are multiples of 10.

    Returns:
        The decorator; it returns the function unchanged.
    """

    def register(make: Callable[[_Whole], _Made]) -> Callable[[_Whole], _Made]:
        report_blocks.register(name, ReportBlock(of, order, make), origin=make.__module__)
        return make

    return register


def parts_of(whole: Section | Report) -> tuple[Part, ...]:
    """Return the parts that all registered blocks make, then those that the whole was given."""
    blocks = [
        (block.order, name, block)
        for name, block in report_blocks.items()
        if isinstance(whole, block.of)
    ]
    parts: list[Part] = []
    for *_, block in sorted(blocks, key=lambda entry: entry[:2]):
        made = block.make(whole)
        parts += [made] if isinstance(made, Part) else made or ()
    return (*parts, *whole.parts)
