"""Findings of a gate as a table: what moved, by how much and how sure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from untrained.reports.grid import Cell, Grid, GridColumn, number, whole_number, words
from untrained.results import TIERS

if TYPE_CHECKING:
    from untrained.results import Finding

_COLUMNS = (
    GridColumn("outcome", "Outcome", kind="text"),
    GridColumn("tier", "Tier", kind="text"),
    GridColumn("subject", "Indicator", kind="text", code=True),
    GridColumn("space", "Space", kind="text", code=True),
    GridColumn("n", "n", "networks"),
    GridColumn("value", "value", "what the tier looks at"),
    GridColumn("limit", "limit", "tolerance of the value"),
    GridColumn("sure", "how sure", kind="text"),
    GridColumn("text", "What was found", kind="text"),
)


def finding_grid(findings: Iterable[Finding]) -> Grid:
    """One row a finding, in their order."""
    return Grid(
        "findings",
        _COLUMNS,
        tuple(
            (
                words(one.outcome),
                words(one.tier),
                words(one.subject),
                words(one.space),
                whole_number(one.n or None),
                _figure(one.value, one.tier),
                _figure(one.limit, one.tier),
                words(how_sure(one)),
                words(one.text),
            )
            for one in findings
        ),
    )


def _figure(value: float, tier: str) -> Cell:
    if tier == "golden" and not math.isnan(value):
        return Cell(f"{value:.1g}", float(value))
    return number(value, 4 if tier == "scores" else 3)


def how_sure(finding: Finding) -> str:
    """What a statement rests on: a p-value, or that nothing in it is random."""
    if not math.isnan(finding.p):
        return f"p = {finding.p:.2g}"
    return "" if math.isnan(finding.value) else "nothing random"


def tier_counts(findings: Sequence[Finding]) -> list[str]:
    """A line a tier: how many of its findings hold, and what became of the others."""
    lines = []
    for tier in TIERS:
        outcomes = Counter(one.outcome for one in findings if one.tier == tier)
        if outcomes:
            parts = [f"{n} {outcome}" for outcome, n in sorted(outcomes.items())]
            lines.append(f"{tier}: {', '.join(parts)}")
    return lines
