"""Run all searches of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from untrained.foundation import MissingData, UserError
from untrained.harness.execution.executors import Device
from untrained.harness.execution.process_memory import memory_kept
from untrained.harness.search.driver import Budget, run_many
from untrained.harness.search.evaluators.measuring import Measuring
from untrained.harness.search.experiment.ground_truth import GroundTruth
from untrained.harness.search.experiment.setup import PreparedSearch, benchmark_of, prepare_search
from untrained.harness.search.experiment.study import NamedSearchStudy
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.speed import Trajectory
from untrained.results.store.committed import find_scores

_NONE: Mapping[str, tuple[Trajectory, ...]] = MappingProxyType({})
OnRun = Callable[[str, int, int], None]
"""Receives the label of a search, and the numbers of its finished runs and of all its runs."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchRuns:
    """A search and its runs."""

    prepared: PreparedSearch
    trajectories: tuple[Trajectory, ...]

    @property
    def label(self) -> str:
        """The label of its row."""
        return self.prepared.label


def run_study(
    named: NamedSearchStudy,
    *,
    measuring: Measuring | None = None,
    device: Device = "cpu",
    stored_runs: Mapping[str, tuple[Trajectory, ...]] = _NONE,
    on_run: OnRun = lambda label, done, total: None,
) -> tuple[list[SearchRuns], GroundTruth | None, str]:
    """Run every search of a study.

    Args:
        measuring: where the study measures scores.
        device: of supernets.
        stored_runs: runs by label; if there are any, no search is run.

    Returns:
        The searches, the ground truth of their answers, and the data set of the study.

    Raises:
        UserError: a name of the study does not exist, or options do not fit together. All searches
            are prepared before the first one is run.
        MissingData: `stored_runs` lacks a search of the study, or there are no known scores.
    """
    study = named.study
    if study.known_scores is not None and not find_scores(study.known_scores).is_file():
        # only the report needs the scores: the error must not come after hours of measuring
        raise MissingData(
            f"the study shows its searches beside the scores in {study.known_scores}, which is not "
            "there; run it where that path leads to them, or take known_scores out"
        )
    benchmark = benchmark_of(study)
    searches = [
        prepare_search(spec, study, benchmark, measuring=measuring, device=device)
        for spec in study.search
    ]
    labels = [search.label for search in searches]
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise UserError(
            f"two searches of the study are called {twice[0]!r}, and their rows and runs could not "
            "be told apart; give each a label of its own"
        )
    absent = [label for label in labels if label not in stored_runs]
    if stored_runs and absent:
        raise MissingData(
            f"the runs that were given are of {', '.join(stored_runs)}, and the study also has "
            f"{', '.join(absent)}; run it whole, without --from"
        )
    if study.pools is not None and not any(search.pools for search in searches):
        raise UserError(
            "cannot divide the runs over pools: no search of the study looks scores up. Leave "
            "pools out."
        )
    if stored_runs:
        for search in searches:
            _check_pools(search, stored_runs[search.label])
        runs = [SearchRuns(search, stored_runs[search.label]) for search in searches]
    else:
        with memory_kept():
            runs = [_run(search, study, on_run) for search in searches]
    truth = None if benchmark is None else GroundTruth(benchmark)
    return runs, truth, searches[0].evaluator.problem.dataset


def _run(search: PreparedSearch, study: SearchStudy, on_run: OnRun) -> SearchRuns:
    spec, label = search.spec, search.label
    total = spec.runs or study.runs
    trajectories = run_many(
        search.searcher,
        search.evaluator,
        runs=total,
        seed=study.seed,
        settings=spec.settings,
        budget=Budget(spec.seconds, spec.evaluations),
        problems=search.problems,
        on_run=lambda done: on_run(label, done, total),
    )
    return SearchRuns(search, tuple(trajectories))


def _check_pools(search: PreparedSearch, stored: tuple[Trajectory, ...]) -> None:
    """Check that stored runs were divided over the pools of the study.

    Raises:
        UserError: they were not.
    """
    number = search.pools.number if search.pools else 0
    expected = [1 + run % number if number else 0 for run in range(len(stored))]
    if [run.pool for run in stored] != expected:
        raise UserError(
            f"cannot report the runs of {search.label!r} again: they are on other pools than those "
            f"of the study, which has {number}. Run the study without --from."
        )
