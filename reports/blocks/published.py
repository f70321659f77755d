"""What the literature prints for a table's indicators, beside what was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.pages.report import Section
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words
from untrained.results import Comparison, CorrelationTable

MEANING = (
    "z: difference over the standard error of both samplings of architectures; initialisation, "
    "images, data splits and training target differ too and are not in it. "
    "abs.: printed without sign by its authors."
)
_COLUMNS = (
    GridColumn("indicator", "Indicator", kind="text", code=True),
    GridColumn("tau_published", f"{TAU} published"),
    GridColumn("tau", f"{TAU} here", interval=True),
    GridColumn("tau_z", "z"),
    GridColumn("rho_published", f"{RHO} published"),
    GridColumn("rho", f"{RHO} here", interval=True),
    GridColumn("rho_z", "z"),
    GridColumn("n", "n"),
    GridColumn("target", "target", kind="text"),
    GridColumn("source", "source", kind="text"),
    GridColumn("note", "note", kind="text", aside=True),
)


@report_block("published", of=Section, order=70)
def published_part(section: Section) -> Part | None:
    """The published values of a section's indicators; None where there are none."""
    lines = tuple(published_lines(section.table))
    if not lines:
        return None
    grid = paired("published", _COLUMNS, lines)
    return Part("published", "Published beside measured", MEANING, grid)


def published_lines(table: CorrelationTable) -> Iterator[tuple[Cell, ...]]:
    """One line for each indicator and source, in the order of the table's rows."""
    groups: dict[tuple[object, ...], dict[str, Comparison]] = {}
    for row in table.ranked:
        for item in table.published:
            p = item.published
            if p.indicator != row.correlation.indicator:
                continue
            key = (p.indicator, p.source, p.n, p.target, p.note)
            group = groups.setdefault(key, {})
            if p.metric in group:  # the same source printed two values of one thing
                group = groups.setdefault((*key, p.value), {})
            group[p.metric] = item
    return (_line(group) for group in groups.values())


def _line(group: dict[str, Comparison]) -> tuple[Cell, ...]:
    some = next(iter(group.values())).published
    return (
        words(some.indicator),
        *_cells(group.get("kendall")),
        *_cells(group.get("spearman")),
        whole_number(some.n or None),
        words(some.target),
        words(some.source),
        words(some.note),
    )


def _cells(item: Comparison | None) -> tuple[Cell, Cell, Cell]:
    if item is None:
        return (words(""), words(""), words(""))
    printed = number(item.published.value)
    if item.published.absolute:
        printed = dataclasses.replace(printed, text=f"{printed.text} abs.")
    measured = number(item.measured, low=item.low, high=item.high)
    return (printed, measured, number(item.z, 1, sign=True))
