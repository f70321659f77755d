"""A whole validation: from a file to its verdict page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from untrained.foundation import UserError
from untrained.harness.execution.executors import WorkerDied, make_executor
from untrained.harness.execution.progress import Progress
from untrained.harness.validation.candidate import Candidate, source_notes
from untrained.harness.validation.candidate_executor import CandidateExecutor
from untrained.harness.validation.comparison_setting import find_grounds
from untrained.harness.validation.evaluation import weigh
from untrained.harness.validation.measuring import Measured, Settings, measure_candidate
from untrained.harness.validation.page import verdict_page
from untrained.harness.validation.probing import traits_of
from untrained.harness.validation.search_outcome import RUNS
from untrained.reports.pages.verdict_page import VerdictPage
from untrained.results import ScoreStore

if TYPE_CHECKING:
    from untrained.harness.execution.executors import Executor

CHOSEN = "networks.json"
"""In the output folder: how many networks were chosen, for a run that goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What a validation came to."""

    page: VerdictPage
    measured: Measured

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed, no promise is broken or unexamined, no accuracy was read."""
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
    told: Callable[[str], None] = lambda text: None,
    executor: Executor | None = None,
    runs: int = RUNS,
) -> Validation:
    """Measure, compare and judge.

    Args:
        executor: runs the tasks; by default worker processes.

    Raises:
        UserError: no space can be used, or the candidate gives no score.
    """
    inner = executor or make_executor("cpu", settings.workers)
    if candidate.plain and candidate.traits is None:
        told("trying what the function needs")
        candidate = _tried(candidate, inner)
    with candidate.registered() as item:
        grounds, absent = find_grounds(spaces, item)
        measured = measure_candidate(
            candidate,
            item,
            grounds,
            store,
            settings=settings,
            absent=absent,
            progress=progress,
            told=told,
            chosen=folder / CHOSEN,
            inner=inner,
        )
        judged = weigh(
            measured,
            item,
            store,
            suspicions=[one.text for one in source_notes(candidate.text) if one.suspicious],
            seed=settings.seed,
            runs=runs,
            told=told,
        )
        page = verdict_page(candidate, item, measured, judged, store, command=command)
    return Validation(page, measured)


def _tried(candidate: Candidate, inner: Executor) -> Candidate:
    with candidate.registered():
        [(_, traits)] = list(CandidateExecutor(inner, candidate).run(traits_of, [candidate]))
    if isinstance(traits, WorkerDied):
        raise UserError(
            f"{candidate.path}: the process that tried {candidate.function} on a small network "
            "ended (crashed, was killed or ran out of memory); try the function by itself"
        )
    return replace(candidate, traits=traits)
