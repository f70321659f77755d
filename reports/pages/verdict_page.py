"""The page that says what a new indicator is worth: the verdict, and every number behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from untrained.reports.blocks.block import Part
from untrained.reports.pages.report import Report
from untrained.reports.pages.verdict import judge
from untrained.reports.pages.verdict_blocks import (
    against_parts,
    search_part,
    standing_part,
    steadiness_part,
    top_part,
)
from untrained.reports.pages.verdict_conduct import (
    Cost,
    Promise,
    Scope,
    Seen,
    contract_part,
    cost_part,
    label_lines,
    leakage_part,
    redundancy_part,
    scope_part,
    size_part,
)
from untrained.results.searches.comparison import SearchComparison
from untrained.results.statistics.indicator_comparison import Evidence


@dataclass(frozen=True, slots=True, eq=False)
class VerdictPage:
    """Everything the page shows."""

    file: str
    """Name of the validated file."""
    sha256: str
    """Of the file."""
    evidence: Evidence
    searches: tuple[SearchComparison, ...]
    scopes: tuple[Scope, ...]
    """What was measured, by space."""
    absent: Mapping[str, str]
    """Spaces that are left out, and why."""
    notes: tuple[str, ...]
    promises: tuple[Promise, ...]
    not_examined: str
    """Why the contract could not be examined; empty where it was."""
    seen: tuple[Seen, ...]
    """What the indicator did besides computing."""
    source_notes: tuple[str, ...]
    """What the file's text alone says."""
    costs: tuple[Cost, ...]
    command: str
    environment: Mapping[str, object]
    version: str


def verdict_report(page: VerdictPage) -> Report:
    """The page as a report, for any format."""
    evidence = page.evidence
    verdict = judge(evidence)
    found: list[Part | None] = [
        standing_part(evidence),
        size_part(evidence),
        redundancy_part(evidence),
        top_part(evidence),
        search_part(page.searches),
        steadiness_part(evidence),
        cost_part(evidence.name, page.costs),
        contract_part(page.promises, page.not_examined),
        leakage_part(page.seen, (*label_lines(evidence), *page.source_notes)),
        *against_parts(evidence),
        scope_part(page.scopes, page.absent, page.notes, page.command),
    ]
    source = f"{page.file}, SHA-256 {page.sha256[:12]}"
    return Report(
        title=f"Verdict on {evidence.name}",
        sections=(),
        summary="\n\n".join([verdict.headline, *verdict.paragraphs, f"Validated: {source}."]),
        environments=(page.environment,),
        version=page.version,
        parts=tuple(part for part in found if part is not None),
    )
