"""Check a baseline: measure its scores again and compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from untrained.foundation import MalformedInput
from untrained.harness.gate.baseline_files import Baseline
from untrained.harness.gate.findings import (
    Compared,
    comparable,
    definition_findings,
    score_findings,
    truth_finding,
)
from untrained.harness.gate.golden import golden_findings, golden_names, golden_readings
from untrained.harness.study.plan import Plan, plan_study
from untrained.indicators import indicators
from untrained.results import Finding, ScoreStore, current_environment

if TYPE_CHECKING:
    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named

Fill = Callable[[ScoreStore, Sequence[Plan]], object]
"""Measures the scores of some plans that a store lacks."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check."""

    baseline: str
    seed: int | None
    """Seed of the new scores; None where there were only golden ones."""
    same_seed: bool
    """Whether the baseline has scores of that seed."""
    findings: tuple[Finding, ...]
    """Sorted by tier, space and subject."""
    other_versions: tuple[str, ...]
    """Packages with another version than the baseline's, which may explain rounding."""

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Findings that make the check fail."""
        return tuple(finding for finding in self.findings if finding.failed)


def check_baseline(
    baseline: Baseline,
    *,
    store: ScoreStore,
    fill: Fill,
    study: Named[Study] | None = None,
    seed: int | None = None,
) -> Check:
    """Check golden scores, definitions, coverage, scores, correlations and truth.

    Args:
        store: takes the new scores; scores that it holds are used as they are.
        seed: of the new scores' networks; by default the baseline's first.

    Raises:
        UserError: the study cannot be run: an unknown name, images that are not there.
    """
    names = golden_names(baseline.golden) if baseline.study else list(indicators)
    findings = golden_findings(baseline.golden, golden_readings(names))
    if baseline.study is None:
        return _check(baseline, None, findings)
    named = study or baseline.study
    check_study(named.study)
    seed = baseline.seeds[0] if seed is None else seed
    plans = plan_study(named.study, architectures=baseline.architectures)
    findings += definition_findings(baseline, plans)
    plans = [_comparable_part(baseline, plan, seed) for plan in plans]
    fill(store, plans)
    for plan in plans:
        frame = plan.scores_in(store)
        findings.append(truth_finding(baseline, plan.space, named.study))
        for name in plan.protocols:
            rows = frame[frame["indicator"] == name]
            findings += score_findings(Compared(baseline, plan.space, name, seed, rows))
    return _check(baseline, seed, findings)


def check_study(study: Study) -> None:
    """Refuse studies whose scores cannot be compared with others.

    Raises:
        MalformedInput: it varies conditions, or shares scores between networks.
    """
    if study.factors.varied:
        raise MalformedInput(
            "a baseline needs fixed conditions, but the study varies "
            f"{', '.join(study.factors.varied)}; leave [factors] out"
        )
    if study.share_classes:
        raise MalformedInput(
            "a baseline needs each network's own score, because bands between seeds are those of "
            "independent networks; leave share_classes out"
        )


def _comparable_part(baseline: Baseline, plan: Plan, seed: int) -> Plan:
    kept = {
        name: protocol
        for name, protocol in plan.protocols.items()
        if (old := baseline.definitions.get(name)) is not None
        and comparable(old, protocol)
        and (plan.space, name) in baseline.scores
    }
    return replace(plan, protocols=kept, seeds=(seed,), aggregates=())


def _check(baseline: Baseline, seed: int | None, findings: list[Finding]) -> Check:
    return Check(
        baseline.name,
        seed,
        seed in baseline.seeds,
        tuple(sorted(findings, key=lambda finding: finding.order)),
        tuple(_other_versions(baseline)),
    )


def _other_versions(baseline: Baseline) -> Iterator[str]:
    here = current_environment(device="cpu", threads=1)
    for name, version in baseline.provenance.get("versions", {}).items():
        now = getattr(here, name, None)
        if now != version:
            yield f"{name} {version}, now {now}"
