"""From what was measured and judged to the verdict page."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

from untrained.harness.validation.candidate import Candidate, source_notes
from untrained.harness.validation.contract import Examined
from untrained.harness.validation.evaluation import Judged
from untrained.harness.validation.measuring import GroundPlans, Measured
from untrained.harness.validation.probing import CostTrial
from untrained.indicators import Indicator
from untrained.reports.pages.verdict_conduct import Cost, Promise, Scope, Seen
from untrained.reports.pages.verdict_page import VerdictPage
from untrained.results import ScoreStore, current_environment


def verdict_page(
    candidate: Candidate,
    item: Indicator,
    measured: Measured,
    judged: Judged,
    store: ScoreStore,
    *,
    command: str,
) -> VerdictPage:
    """Everything that the page shows."""
    notes = [note for plans in measured.plans for note in plans.ground.notes]
    notes += [
        f"{space}: even the least number of networks takes longer than the time that was given"
        for space in measured.short
    ]
    findings: Examined = measured.findings
    return VerdictPage(
        file=Path(candidate.path).name,
        sha256=candidate.sha256,
        evidence=judged.evidence,
        searches=judged.searches,
        scopes=tuple(_scope(plans, item, measured, store) for plans in measured.plans),
        absent=measured.absent,
        notes=tuple(notes),
        promises=tuple(Promise(one.statement, one.kept, one.detail) for one in findings.promises),
        not_examined=findings.died,
        seen=tuple(Seen(one.when, one.kind, one.what) for one in measured.sightings),
        source_notes=tuple(note.text for note in source_notes(candidate.text)),
        costs=tuple(_costs(measured.costs)),
        command=command,
        environment=asdict(current_environment(device="cpu", threads=1)),
        version=version("untrained"),
    )


def _scope(plans: GroundPlans, item: Indicator, measured: Measured, store: ScoreStore) -> Scope:
    ground = plans.ground
    frame = plans.main.scores_in(store)
    failed = Counter(str(status) for status in frame["status"] if status != "ok")
    truth = ground.truths[0]
    return Scope(
        space=ground.space,
        networks=len(plans.main.selection.architectures),
        available=len(ground.baselines.order),
        seconds=measured.seconds[ground.space],
        again=len(plans.other_seed.selection.architectures),
        protocol=plans.main.protocols[item.id].describe(),
        studies=ground.baselines.studies,
        truth=truth.source,
        failures=", ".join(f"{n} {status}" for status, n in sorted(failed.items())),
    )


def _costs(trials: Sequence[CostTrial]) -> Iterator[Cost]:
    """Medians over the networks, by space and indicator."""
    seconds: Mapping[tuple[str, str], list[float]] = defaultdict(list)
    peaks: Mapping[tuple[str, str], list[float]] = defaultdict(list)
    for trial in trials:
        for name, value in trial.seconds:
            seconds[trial.space, name].append(value)
        for name, peak in trial.peak_bytes:
            peaks[trial.space, name].append(float(peak))
    for (space, name), values in seconds.items():
        known = [value for value in values if not math.isnan(value)]
        yield Cost(
            space,
            name,
            median(known) if known else float("nan"),
            median(peaks[space, name]) if known and peaks[space, name] else float("nan"),
        )
