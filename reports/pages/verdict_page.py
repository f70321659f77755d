"""The page on a new indicator: the verdict, and every number behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from untrained.reports.blocks.block import Part
from untrained.reports.pages.report import Report
from untrained.reports.pages.verdict import judge, short_target
from untrained.reports.pages.verdict_blocks import (
    TARGET,
    against_parts,
    search_part,
    standing_part,
    steadiness_part,
    top_part,
)
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, Column, Grid, estimate_of
from untrained.reports.tables.numbers import seconds
from untrained.results.statistics.indicator_comparison import Contribution, Evidence, Standing
from untrained.results.statistics.size_bias import partial_given


@dataclass(frozen=True, slots=True)
class Cost:
    """One indicator's cost on one space."""

    space: str
    indicator: str
    seconds: float
    """Median over the networks; NaN without a score."""
    peak_bytes: float
    """Median over the networks; NaN where not measured."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the contract suite."""

    statement: str
    kept: bool | None
    """Result; None: the promise does not apply, or could not be examined."""
    detail: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Something an indicator did besides computing."""

    when: str
    kind: str
    what: str


def cost_part(name: str, costs: Sequence[Cost]) -> Part | None:
    """Tabulate seconds and memory beside built-in indicators, cheapest first."""
    if not costs:
        return None
    order = {space: i for i, space in enumerate(dict.fromkeys(one.space for one in costs))}
    lines = sorted(
        costs,
        key=lambda one: (order[one.space], math.isnan(one.seconds), one.seconds, one.indicator),
    )
    return Part(
        "cost",
        "Cost and memory",
        "Measured in this run on the same networks and one thread, each indicator by itself. "
        "Memory is the most that tensors took at once beyond network and batch; what is allocated "
        "outside torch is not counted.",
        Grid(
            "cost",
            (
                Column("space", "Space", kind="text"),
                Column("indicator", "Indicator", kind="code"),
                Column(
                    "role", "", lambda one: Cell("◀" if one.indicator == name else ""), kind="text"
                ),
                Column("seconds", "s/network", show=seconds),
                Column("megabytes", "MB", lambda one: one.peak_bytes / 1e6, places=1),
            ),
            lines,
        ),
    )


def contract_part(promises: Sequence[Promise], not_examined: str) -> Part:
    """Tabulate every promise, the broken ones first."""
    order = {False: 0, None: 1, True: 2}
    said = {False: "BROKEN", None: "does not apply", True: "kept"}
    if not promises:
        said[None] = "not examined"
    lines = sorted(promises, key=lambda one: order[one.kept])
    none = Promise("the contract suite", None, not_examined)
    return Part(
        "contract",
        "The contract",
        "What every registered indicator must keep, examined on small networks.",
        Grid(
            "contract",
            (
                Column("kept", "", lambda one: said[one.kept], kind="text"),
                Column("statement", "Promise", kind="text"),
                Column("detail", "Detail", kind="text"),
            ),
            lines or [none],
        ),
    )


def label_lines(evidence: Evidence) -> tuple[str, ...]:
    """Write the findings about labels."""
    if evidence.needs_labels is None:
        return ("labels: not tried",)
    return (
        f"labels: {'needed' if evidence.needs_labels else 'not needed'}; permuted ones "
        f"{'change the score' if evidence.changes_with_labels else 'change nothing'}",
    )


def leakage_part(seen: Sequence[Seen], labels: Sequence[str]) -> Part:
    """Show accesses beside computing, and the accesses that cannot be observed."""
    nothing = Seen("", "nothing", "no file, table, connection or program")
    return Part(
        "leakage",
        "Does it read accuracies?",
        "Seen while the file was loaded and while it scored: files that Python opens, modules "
        "outside the installed packages among them, Parquet files that pyarrow or pandas read, "
        "look-ups in this project's benchmarks, imports of "
        "packages that hold accuracies, data bases, connections, programs. Not seen: accuracies "
        "written into the file itself (numbers and long texts are counted below), files that a C "
        "or Rust extension opens by itself, and a formula that was fitted beforehand.",
        Grid(
            "leakage",
            (
                Column("kind", "Reaches for", kind="text"),
                Column("what", "What", kind="text"),
                Column("when", "While", kind="text"),
            ),
            seen or [nothing],
        ),
        notes=tuple(labels),
    )


def size_part(evidence: Evidence) -> Part | None:
    """Tabulate correlation with the sizes, and partial correlation given them."""
    rows = [one for one in evidence.standings if one.rho_with]
    if not rows:
        return None
    return Part(
        "size",
        "Beyond the size of the network",
        "What is left of the rank correlation with the accuracy when the ranks of a size are held "
        "fixed. Nothing is left (a dash) of a score that ranks as the size does.",
        Grid(
            "size",
            (
                TARGET,
                Column("rho_params", f"{RHO} with params", lambda one: _rho_with(one, "params")),
                Column("rho_flops", f"{RHO} with FLOPs", lambda one: _rho_with(one, "flops")),
                _given_column("given_params", f"{RHO} given params", "params"),
                _given_column("given_flops", f"{RHO} given FLOPs", "flops"),
                _given_column("given_both", f"{RHO} given both", "params", "flops", aside=True),
            ),
            rows,
        ),
    )


def _rho_with(one: Standing, size: str) -> float | None:
    return dict(one.rho_with).get(size)


def _given_column(name: str, heading: str, *sizes: str, aside: bool = False) -> Column:
    return Column(
        name,
        heading,
        lambda one: estimate_of(partial_given(one.partial, sizes), "rho"),
        interval=True,
        aside=aside,
    )


def redundancy_part(evidence: Evidence) -> Part | None:
    """Tabulate the most similar and the best indicator, and the gain over each."""
    rows = [row for one in evidence.standings for row in _additions(one)]
    if not rows:
        return None
    return Part(
        "redundancy",
        "What it adds to others",
        f"{RHO} is that between the two scores. The sum of the two indicators' ranks is compared "
        "with the other indicator alone, on the same networks: a difference above zero says that "
        "something is added.",
        Grid(
            "redundancy",
            (
                Column("target", "Target", "target", kind="text"),
                Column("role", "beside", kind="text"),
                Column("other", "indicator", "found.other", kind="code"),
                Column("rho", RHO, "found.rho"),
                Column("tau", f"its {TAU}-b", "found.tau_other"),
                Column("sum", f"{TAU}-b of the sum", "found.tau_sum"),
                Column("delta", "difference", "found.delta", interval=True, sign=True),
            ),
            rows,
        ),
    )


class _Addition(NamedTuple):
    target: str
    role: str
    found: Contribution


def _additions(one: Standing) -> Iterator[_Addition]:
    where = short_target(one.space, one.target)
    nearest_is_best = one.nearest is not None and one.nearest.other == one.best
    roles: list[tuple[str, Contribution | None]] = [
        ("the most alike, and the best" if nearest_is_best else "the most alike", one.nearest),
        ("the best", one.with_best),
    ]
    for role, found in roles:
        if found is not None:
            yield _Addition(where, role, found)


@dataclass(frozen=True, slots=True)
class Scope:
    """Measurements on one space."""

    space: str
    networks: int
    available: int
    """Networks that have baselines."""
    seconds: float
    """One network took, building included."""
    again: int
    """Networks that were scored under another seed and batch too."""
    protocol: str
    """In words."""
    studies: tuple[str, ...]
    """Whose stored scores are the baselines."""
    truth: str
    """Source of the accuracies."""
    failures: str
    """Scores without a value by status; empty: none."""


def scope_part(
    scopes: Sequence[Scope], absent: Mapping[str, str], notes: Sequence[str], command: str
) -> Part:
    """Write a line a space, and a sentence for each space that is left out."""
    left_out = [f"{space} is left out: {why}" for space, why in absent.items()]
    return Part(
        "scope",
        "What was measured",
        "The number of networks follows from the time that was given and what one took here. They "
        "are networks of the committed studies, with the weights that the baselines saw.",
        Grid(
            "scope",
            (
                Column("space", "Space", kind="text"),
                Column("networks", "networks"),
                Column("available", "with baselines"),
                Column("seconds", "s/network"),
                Column("again", "scored again"),
                Column(
                    "failures", "without a score", lambda one: one.failures or "none", kind="text"
                ),
                Column("protocol", "Protocol", kind="text"),
                Column("studies", "Baselines", lambda one: ", ".join(one.studies), kind="text"),
                Column("truth", "Accuracies", kind="text"),
            ),
            scopes,
        ),
        notes=(*left_out, *notes),
        command=command,
    )


@dataclass(frozen=True, slots=True, eq=False)
class VerdictPage:
    """Everything the page shows."""

    file: str
    """Name of the validated file."""
    sha256: str
    """SHA-256 of the file."""
    evidence: Evidence
    scopes: tuple[Scope, ...]
    """Measurements by space."""
    absent: Mapping[str, str]
    """Spaces that are left out, and why."""
    notes: tuple[str, ...]
    promises: tuple[Promise, ...]
    seen: tuple[Seen, ...]
    """Accesses of the indicator besides computing."""
    source_notes: tuple[str, ...]
    """Findings in the text of the file."""
    costs: tuple[Cost, ...]
    command: str
    environment: Mapping[str, object]
    version: str


def verdict_report(page: VerdictPage) -> Report:
    """Make the page as a report, for any format."""
    evidence = page.evidence
    verdict = judge(evidence)
    found: list[Part | None] = [
        standing_part(evidence),
        size_part(evidence),
        redundancy_part(evidence),
        top_part(evidence),
        search_part(evidence.searches),
        steadiness_part(evidence),
        cost_part(evidence.name, page.costs),
        contract_part(page.promises, evidence.not_examined),
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
