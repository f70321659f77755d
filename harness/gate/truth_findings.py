"""Whether the truth is the baseline's: the same column, the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from untrained.foundation import MissingData
from untrained.harness.gate.baseline import Baseline, BaselineTruth
from untrained.harness.gate.baseline_table import rounded
from untrained.harness.study.truth import ChosenTruth, NoTruth, find_truth
from untrained.results import Finding, Outcome, truth_drift

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.spaces import Target


def truth_finding(baseline: Baseline, space: str, study: Study) -> Finding:
    """The truth of one space beside the baseline's.

    Raises:
        UserError: a name in the study's truth does not exist.
    """
    old, values = (baseline.truths or {})[space], (baseline.values or {})[space]
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
    """What the study says differently; empty where it names the same column."""
    if now.benchmark.name != old.benchmark:
        return (
            f"another benchmark: {old.benchmark} ({old.target.label}), now "
            f"{now.benchmark.name} ({now.target.label})"
        )
    if now.target != old.target:
        return f"another column: {old.target.label}, now {now.target.label}"
    return ""


def _columns_with(now: ChosenTruth, new: pd.Series[float]) -> list[str]:
    """Other columns of the benchmark that hold the new values of these networks."""

    def holds(target: Target) -> bool:
        there = now.benchmark.values(new.index, target).map(rounded, na_action="ignore")
        return truth_drift(new, there).same

    return [t.label for t in now.benchmark.targets() if t != now.target and holds(t)]
