"""A whole validation, from a file to its verdict page."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from untrained.foundation import UserError
from untrained.harness.execution.executors import WorkerDied, make_executor
from untrained.harness.execution.progress import Progress
from untrained.harness.validation.candidate import Candidate, CandidateExecutor, source_notes
from untrained.harness.validation.comparison_setting import find_comparison_settings
from untrained.harness.validation.evaluation import evaluate
from untrained.harness.validation.measuring import (
    ComparisonPlans,
    Measured,
    Settings,
    measure_candidate,
)
from untrained.harness.validation.trials import CostTrial, traits_of
from untrained.indicators import Indicator
from untrained.reports.pages.verdict_page import Cost, Promise, Scope, Seen, VerdictPage
from untrained.results import ScoreStore, current_environment
from untrained.results.statistics.indicator_comparison import Evidence

if TYPE_CHECKING:
    from untrained.harness.execution.executors import Executor

CHOSEN = "networks.json"
"""File of the output folder with the number of networks, for a run that is resumed."""


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """The result of a validation."""

    page: VerdictPage
    measured: Measured

    @property
    def is_clean(self) -> bool:
        """Whether no score failed, no promise is broken or unexamined, and no accuracy was read."""
        evidence = self.page.evidence
        broken = evidence.broken or evidence.not_examined
        return not (evidence.failures or broken or evidence.accuracies)


def validate_candidate(
    candidate: Candidate,
    *,
    spaces: Sequence[str],
    store: ScoreStore,
    folder: Path,
    settings: Settings,
    progress: Progress,
    command: str,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Validation:
    """Measure a candidate, compare it with stored scores, and make its verdict page.

    Raises:
        UserError: no space can be used, or the candidate gives no score.
    """
    inner = make_executor("cpu", settings.workers, limited=True)
    if candidate.plain and candidate.traits is None:
        on_progress("trying what the function needs")
        candidate = _tried(candidate, inner)
    with candidate.registered() as item:
        comparisons, absent = find_comparison_settings(spaces, item)
        measured = measure_candidate(
            candidate,
            item,
            comparisons,
            store,
            settings=settings,
            absent=absent,
            progress=progress,
            on_progress=on_progress,
            chosen=folder / CHOSEN,
            inner=inner,
        )
        evidence = evaluate(
            measured,
            item,
            store,
            suspicions=[note.text for note in source_notes(candidate.text) if note.suspicious],
            seed=settings.seed,
            on_progress=on_progress,
        )
        page = verdict_page(candidate, item, measured, evidence, store, command=command)
    return Validation(page, measured)


def _tried(candidate: Candidate, inner: Executor) -> Candidate:
    with candidate.registered():
        [(_, traits)] = list(CandidateExecutor(inner, candidate).run(traits_of, [candidate]))
    if isinstance(traits, WorkerDied):
        raise UserError(
            f"cannot find out what {candidate.function} of {candidate.path} needs: on a small "
            f"network, {traits.reason}. Try the function by itself"
        )
    return replace(candidate, traits=traits)


def verdict_page(
    candidate: Candidate,
    item: Indicator,
    measured: Measured,
    evidence: Evidence,
    store: ScoreStore,
    *,
    command: str,
) -> VerdictPage:
    """Make the page from what was measured and evaluated."""
    notes = [note for plans in measured.plans for note in plans.comparison.notes]
    notes += [
        f"{space}: even the least number of networks takes longer than the time that was given"
        for space in measured.short
    ]
    return VerdictPage(
        file=Path(candidate.path).name,
        sha256=candidate.sha256,
        evidence=evidence,
        scopes=tuple(_scope(plans, item, measured, store) for plans in measured.plans),
        absent=measured.absent,
        notes=tuple(notes),
        promises=tuple(
            Promise(finding.statement, finding.kept, finding.detail)
            for finding in measured.findings.promises
        ),
        seen=tuple(Seen(event.when, event.kind, event.what) for event in measured.access_events),
        source_notes=tuple(note.text for note in source_notes(candidate.text)),
        costs=tuple(_costs(measured.costs)),
        command=command,
        environment=current_environment(device="cpu", threads=1).entries(),
        version=version("untrained"),
    )


def _scope(plans: ComparisonPlans, item: Indicator, measured: Measured, store: ScoreStore) -> Scope:
    comparison = plans.comparison
    frame = plans.main.scores_in(store)
    failed = Counter(str(status) for status in frame["status"] if status != "ok")
    truth = comparison.truths[0]
    return Scope(
        space=comparison.space,
        networks=len(plans.main.selection.architectures),
        available=len(comparison.baselines.order),
        seconds=measured.seconds[comparison.space],
        again=len(plans.other_seed.selection.architectures),
        protocol=plans.main.protocols[item.id].describe(),
        studies=comparison.baselines.studies,
        truth=truth.source,
        failures=", ".join(f"{n} {status}" for status, n in sorted(failed.items())),
    )


def _costs(trials: Sequence[CostTrial]) -> Iterator[Cost]:
    """Compute medians over the networks, by space and indicator."""
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
