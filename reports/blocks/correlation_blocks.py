"""Everything a report shows beside its correlation tables, in the order it is shown."""

from __future__ import annotations

from collections.abc import Callable

from untrained.reports.blocks.agreement import agreement_parts
from untrained.reports.blocks.block import Part
from untrained.reports.blocks.cost import cost_part
from untrained.reports.blocks.failures import failure_part
from untrained.reports.blocks.pairs import pairs_part
from untrained.reports.blocks.published import published_part
from untrained.reports.blocks.redundancy import redundancy_part
from untrained.reports.blocks.side_by_side import side_by_side_parts
from untrained.reports.blocks.size import size_part
from untrained.reports.blocks.stability import stability_part
from untrained.reports.blocks.tasks import task_part
from untrained.reports.blocks.top import top_part
from untrained.reports.figures.heat_map import heat_map_part
from untrained.reports.pages.report import Report, Section

_OF_SECTION: tuple[Callable[[Section], Part | None], ...] = (
    top_part,
    size_part,
    pairs_part,
    redundancy_part,
    cost_part,
    stability_part,
    published_part,
    failure_part,
)


def section_parts(section: Section) -> tuple[Part, ...]:
    """The parts that a section's data allow, then those it was given."""
    made = (build(section) for build in _OF_SECTION)
    return (*(part for part in made if part is not None), *section.parts)


def report_parts(report: Report) -> tuple[Part, ...]:
    """What belongs to no table: comparisons, agreements, all tables together, further parts."""
    agreements = (
        part
        for place, table in enumerate(report.agreements, start=1)
        for part in agreement_parts(table, place)
    )
    comparisons = (
        part
        for place, one in enumerate(report.comparisons, start=1)
        for part in side_by_side_parts(one, place)
    )
    made = (heat_map_part([section.table for section in report.sections]), task_part(report))
    return (*comparisons, *agreements, *(part for part in made if part is not None), *report.parts)
