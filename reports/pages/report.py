"""Reports: tables, and the raw points of their figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part

if TYPE_CHECKING:
    import pandas as pd

    from untrained.results import AgreementTable, CorrelationTable, SideBySide, TaskComparison


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One correlation table and the scores behind it; equal only to itself (it holds frames)."""

    table: CorrelationTable
    scores: pd.DataFrame | None = None
    """Raw scores, not oriented: index architecture, one column an indicator, NaN = missing.
    None: the section has no figures."""
    truth: pd.Series[float] | None = None
    """Ground truth in the unit of the table's target; index architecture, NaN = unknown."""
    larger_truth_is_better: bool = True
    parts: tuple[Part, ...] = ()
    """Further notes, which do not follow from the table."""

    def __post_init__(self) -> None:
        """Refuse a section whose figures could not all be drawn.

        Raises:
            ValueError: scores without truth or truth without scores, a table row without a column
                of scores, or an architecture that stands in an index twice.
        """
        if (self.scores is None) != (self.truth is None):
            raise ValueError("a section needs both the scores and the truth, or neither")
        if self.scores is None or self.truth is None:
            return
        absent = [
            row.correlation.indicator
            for row in self.table.rows
            if row.correlation.indicator not in self.scores.columns
        ]
        if absent:
            raise ValueError(
                f"the section {self.table.title!r} has no scores of {', '.join(absent)}; "
                f"its columns are {', '.join(map(str, self.scores.columns))}"
            )
        for what, index in (("scores", self.scores.index), ("truth", self.truth.index)):
            if not index.is_unique:
                twice = index[index.duplicated()][0]
                raise ValueError(f"the {what} of {self.table.title!r} hold {twice!r} twice")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a renderer needs; it looks at nothing else, so equal reports give equal bytes."""

    title: str
    sections: tuple[Section, ...]
    summary: str = ""
    """Plain text; an empty line starts a new paragraph."""
    environments: tuple[Mapping[str, object], ...] = ()
    """Environments of the scores, one mapping for each distinct one."""
    version: str = ""
    """Version of `untrained` that made the tables."""
    task_comparison: TaskComparison | None = None
    """Indicators compared over the tables as tasks."""
    parts: tuple[Part, ...] = ()
    """Further parts, which do not follow from the tables, such as searches."""
    agreements: tuple[AgreementTable, ...] = ()
    """Tables of search spaces of which no accuracy is known."""
    comparisons: tuple[SideBySide, ...] = ()
    """Two stores side by side, one a search space."""

    @property
    def paragraphs(self) -> list[str]:
        """Split the summary into paragraphs."""
        return [part for part in re.split(r"\n\s*\n", self.summary) if part.strip()]

    def places(self) -> Iterator[tuple[str, Section | Report]]:
        """Name every section and the report itself for files: `table-1`, ..., `all`."""
        for number, section in enumerate(self.sections, start=1):
            yield f"table-{number}", section
        yield "all", self
