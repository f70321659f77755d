"""Findings of the gate on definitions, scores and truth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.foundation import MissingData
from untrained.harness.execution.runner import FAILURES
from untrained.harness.gate.baseline_files import Baseline, BaselineTruth, Definition, rounded
from untrained.harness.study.plan import Plan
from untrained.harness.study.truth import ChosenTruth, NoTruth, find_truth
from untrained.indicators import Protocol, indicators
from untrained.results import (
    SAME_RHO,
    CorrelationDrift,
    CoverageDrift,
    Finding,
    Outcome,
    ScoreDrift,
    correlation_drift,
    coverage_drift,
    other_seed_drift,
    same_seed_drift,
    truth_drift,
)

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.spaces import Target


UPDATE = "if that is meant, --update the baseline"


def definition_findings(baseline: Baseline, plans: Sequence[Plan]) -> list[Finding]:
    """Find new or incompatible indicators and spaces; unchanged ones give no finding."""
    definitions, protocols = baseline.definitions, dict(plans[0].protocols) if plans else {}
    found = []
    for name, old in definitions.items():
        text = _difference(old, protocols.get(name))
        if text:
            outcome: Outcome = "missing" if name not in protocols else "changed"
            found.append(Finding("definition", name, outcome, text))
    found += [
        Finding("definition", name, "new", "is not in the baseline and not checked; --update")
        for name in protocols
        if name not in definitions
    ]
    planned = {plan.space for plan in plans}
    found += [
        Finding("definition", "space", "missing", f"the study has no {space} any more", space)
        for space in baseline.architectures
        if space not in planned
    ]
    return found


def comparable(definition: Definition, protocol: Protocol | None) -> bool:
    """Return whether new scores can be compared with the old, whatever their direction."""
    return (
        protocol is not None
        and definition.indicator in indicators
        and indicators[definition.indicator].version == definition.version
        and protocol.digest == definition.protocol
    )


def _difference(old: Definition, protocol: Protocol | None) -> str:
    if old.indicator not in indicators:
        return "no indicator of that name is installed"
    if protocol is None:
        return f"the study does not ask for it any more; {UPDATE}"
    now = indicators[old.indicator]
    if now.version != old.version:
        return f"not comparable: version {old.version}, now {now.version}; {UPDATE}"
    if protocol.digest != old.protocol:
        conditions = protocol.describe()
        if conditions == old.conditions:
            conditions = "the same in words, with other inputs (data seed or images)"
        return f"not comparable: measured with {old.conditions}; now {conditions}; {UPDATE}"
    if now.higher_is_better != old.higher_is_better:
        was, is_ = ("higher", "lower") if old.higher_is_better else ("lower", "higher")
        return f"its direction is turned: {was} was better, now {is_}; {UPDATE}"
    return ""


FALSE_ALARM = 1e-3
"""Chance that a check of something that has not changed fails because of other seeds. It is shared
out evenly between the tests of the check (Bonferroni)."""
TESTS = 5
"""Of an indicator in a space: coverage, agreement, location and spread of scores, correlation."""
EXACT_LEVEL = 0.05
"""Of the tolerance of a correlation at a seed of the baseline: nothing is random there, so that the
usual 95 % decide whether a difference is more than these networks' own, and no alarm is false."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The old and new scores of one indicator in one space."""

    baseline: Baseline
    space: str
    indicator: str
    seed: int
    rows: pd.DataFrame
    """The new scores of the baseline's networks, as in `ScoreStore.frame`."""

    @property
    def new(self) -> pd.Series[float]:
        """The new scores, rounded as those of a baseline are."""
        values = self.rows.set_index("architecture")["value"]
        return values.map(lambda value: value if math.isnan(value) else rounded(value))

    @property
    def exact(self) -> bool:
        """Whether the baseline has repeatable scores of the same seed."""
        definition = self.baseline.definitions[self.indicator]
        return definition.repeatable and self.seed in self.baseline.seeds

    @property
    def old(self) -> pd.DataFrame:
        """The old scores: of the same seed where that is exact, else of all seeds."""
        scores = self.baseline.scores[self.space, self.indicator]
        return scores[[self.seed]] if self.exact else scores

    @property
    def level(self) -> float:
        """Significance level of each test."""
        return FALSE_ALARM / (TESTS * len(self.baseline.scores))


def score_findings(compared: Compared) -> Iterator[Finding]:
    """Yield the findings of one indicator in one space."""
    yield _coverage(compared)
    yield _scores(compared)
    yield _correlation(compared)


def _coverage(compared: Compared) -> Finding:
    drift = coverage_drift(compared.old, compared.new)
    random = not compared.exact and len(compared.baseline.seeds) > 1
    # no seed explains that a network which always had a score crashes
    lost = compared.rows["architecture"].isin(drift.lost)
    random = random and not compared.rows["status"][lost].isin(FAILURES).any()
    worse = drift.p < compared.level if random else drift.scored < drift.scored_before
    if drift.lost and not random:
        worse = True
    outcome: Outcome = "worse" if worse else "holds"
    text = f"{drift.scored} of {drift.n} networks have a score, before {drift.scored_before:g}"
    if worse:
        text += f"; {_reasons(compared, drift)}"
    elif drift.gained and not random:
        # nothing is random: a number where there was none is another score
        outcome = "moved"
        text += f"; a score where there was none: {', '.join(drift.gained[:3])}"
    return Finding(
        tier="coverage",
        subject=compared.indicator,
        outcome=outcome,
        text=text,
        space=compared.space,
        measure="coverage",
        value=drift.scored / drift.n if drift.n else math.nan,
        limit=drift.scored_before / drift.n if drift.n else math.nan,
        n=drift.n,
        p=drift.p if random else math.nan,
    )


def _reasons(compared: Compared, drift: CoverageDrift) -> str:
    """Say why scores are missing now: each status with its commonest reason."""
    rows = compared.rows[compared.rows["status"] != "ok"]
    if drift.lost:
        rows = rows[rows["architecture"].isin(drift.lost)]
    counts = Counter(zip(rows["status"], rows["reason"], strict=True))
    shown = [f"{n} {status}: {reason}" for (status, reason), n in counts.most_common(3)]
    return "; ".join(shown) or "scores are gone"


def _scores(compared: Compared) -> Finding:
    if compared.exact:
        seed = compared.seed
        drift = same_seed_drift(compared.old[seed], compared.new)
        moved = drift.constant or drift.awakened or drift.rho < SAME_RHO
        text = _same_seed_text(drift)
    else:
        drift = other_seed_drift(compared.old, compared.new, level=compared.level)
        strict = math.isnan(drift.p)
        beyond = drift.rho < SAME_RHO if strict else min(_chances(drift)) < compared.level
        moved = drift.constant or drift.awakened or beyond
        text = _other_seed_text(drift, compared.level)
    outcome: Outcome = "moved" if moved else "holds"
    if math.isnan(drift.rho) and not moved:
        outcome, text = "unknown", f"only {drift.n} networks have all scores, or all are alike"
    return Finding(
        tier="scores",
        subject=compared.indicator,
        outcome=outcome,
        text=text,
        space=compared.space,
        measure="Spearman's rho with the baseline",
        value=drift.rho,
        limit=SAME_RHO if math.isnan(drift.p) else drift.usual_low,
        n=drift.n,
        p=min(_chances(drift)) if moved else drift.p,
    )


def _chances(drift: ScoreDrift) -> tuple[float, float, float]:
    return drift.p, drift.p_location, drift.p_spread


def _same_seed_text(drift: ScoreDrift) -> str:
    if drift.constant or drift.awakened:
        return _constant_text(drift)
    if drift.identical == drift.n:
        return f"{drift.n} scores equal"
    return (
        f"rho {drift.rho:.4f} at the same seed; {drift.n - drift.identical} of {drift.n} scores "
        f"differ, by up to {100 * drift.largest_difference:.3g} %"
    )


def _constant_text(drift: ScoreDrift) -> str:
    if drift.constant:
        return f"all {drift.n} scores are alike now"
    return f"all {drift.n} scores were alike and are not now"


def _other_seed_text(drift: ScoreDrift, level: float) -> str:
    if drift.constant or drift.awakened:
        return _constant_text(drift)
    if math.isnan(drift.p):
        return f"rho {drift.rho:.4f} with scores that do not depend on the seed"
    text = (
        f"rho {drift.rho:.3f} at another seed; usual {drift.usual_low:.3f} to "
        f"{drift.usual_high:.3f}"
    )
    if drift.p_location < level:
        text += "; most scores lie on one side of the old ones of their networks"
    if drift.p_spread < level:
        text += "; most scores lie outside the old ones of their networks, or between them"
    return text


def _correlation(compared: Compared) -> Finding:
    baseline, space, name = compared.baseline, compared.space, compared.indicator
    truth = baseline.truths[space]
    values = baseline.values[space]
    drift = correlation_drift(
        compared.old,
        compared.new,
        values if truth.higher_is_better else -values,
        old_higher_is_better=baseline.definitions[name].higher_is_better,
        new_higher_is_better=indicators[name].higher_is_better,
        level=EXACT_LEVEL if compared.exact else compared.level,
    )
    outcome: Outcome = "moved" if drift.moved else "holds"
    text = f"tau-b {drift.tau_before:.3f}, now {drift.tau:.3f} ({drift.delta:+z.3f})"
    if math.isnan(drift.delta):
        outcome, text = _without_tau(drift)
    return Finding(
        tier="correlation",
        subject=name,
        outcome=outcome,
        text=text,
        space=space,
        measure="change of tau-b",
        value=drift.delta,
        limit=drift.tolerance if math.isfinite(drift.tolerance) else math.nan,
        n=drift.n,
        p=drift.p,
    )


def _without_tau(drift: CorrelationDrift) -> tuple[Outcome, str]:
    """Say why a tau-b does not exist."""
    if not drift.moved:
        return "unknown", (
            f"no tau-b: {drift.n} networks have all scores and a true value, and three with "
            "different scores are needed"
        )
    if math.isnan(drift.tau):
        was = f"tau-b was {drift.tau_before:.3f}"
        return "moved", f"{was} and does not exist now: scores are all alike"
    return "moved", f"there was no tau-b, scores were all alike; now {drift.tau:.3f}"


def truth_finding(baseline: Baseline, space: str, study: Study) -> Finding:
    """Compare the truth of one space with the baseline's: column and values.

    Raises:
        UserError: a name in the study's truth does not exist.
    """
    old, values = baseline.truths[space], baseline.values[space]
    try:
        now = find_truth(space, study.truth, datasets={study.find_dataset().name})
    except MissingData as error:  # CI need not have what the baseline was made with
        now = NoTruth(str(error))
    if isinstance(now, NoTruth):
        text = f"whether the truth has changed cannot be said: {now.reason}"
        return Finding("truth", "truth", "unknown", text, space)
    told = _told(old, now)
    if not told and now.higher_is_better != old.higher_is_better:
        was, is_ = ("higher", "lower") if old.higher_is_better else ("lower", "higher")
        text = f"the direction of {now.target.label} is turned: {was} was better, now {is_}"
        return Finding("truth", "truth", "changed", text, space)
    new = now.values(values.index).map(rounded, na_action="ignore")
    drift = truth_drift(values, new)
    outcome: Outcome = "holds" if drift.same else "moved"
    text = f"the values of {drift.n} networks equal; {now.target.label}"
    if not drift.same:
        text = (
            f"{drift.different} of {drift.n} true values differ, by up to "
            f"{100 * drift.largest_difference:.3g} %"
        )
        if drift.lost or drift.gained:
            text += f"; {drift.lost} lost, {drift.gained} gained"
        text += f"; rank agreement with the baseline's tau-b {drift.tau:.3f}"
        alike = _columns_with(now, new)
        text += f"; {told or f'the column is named as before ({now.target.label})'}"
        if alike:
            text += f", but its values are those of {' = '.join(alike)}"
    elif told:
        outcome, text = "changed", f"{told}; the values of these networks are equal"
    elif now.benchmark.provenance.sha256 != old.sha256:
        text += f"; the file is another ({now.source})"
    return Finding(
        tier="truth",
        subject="truth",
        outcome=outcome,
        text=text,
        space=space,
        measure="tau-b of the true values",
        value=drift.tau,
        limit=1.0,
        n=drift.n,
    )


def _told(old: BaselineTruth, now: ChosenTruth) -> str:
    """Say how the named column differs; empty where it is the same."""
    if now.benchmark.name != old.benchmark:
        return (
            f"another benchmark: {old.benchmark} ({old.target.label}), now "
            f"{now.benchmark.name} ({now.target.label})"
        )
    if now.target != old.target:
        return f"another column: {old.target.label}, now {now.target.label}"
    return ""


def _columns_with(now: ChosenTruth, new: pd.Series[float]) -> list[str]:
    """List other columns of the benchmark that hold the new values of these networks."""

    def holds(target: Target) -> bool:
        there = now.benchmark.values(new.index, target).map(rounded, na_action="ignore")
        return truth_drift(new, there).same

    return [t.label for t in now.benchmark.targets() if t != now.target and holds(t)]
