"""Run all searches of a study, and look their answers up in the ground truth."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.foundation import MissingData, UserError
from untrained.harness.execution.executors import Device
from untrained.harness.execution.process_memory import memory_kept
from untrained.harness.search.driver import Budget, run_many
from untrained.harness.search.evaluators.measuring import Measuring
from untrained.harness.search.experiment.setup import (
    ACCURACIES,
    PreparedSearch,
    benchmark_of,
    prepare_search,
)
from untrained.harness.search.experiment.study import NamedSearchStudy
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.speed import Trajectory, with_common_series
from untrained.results.searches.table import Column
from untrained.results.statistics.size_bias import SIZES
from untrained.results.store.committed import find_scores
from untrained.spaces import Benchmark, Target
from untrained.spaces.benchmarks.benchmark import is_cost


@dataclass(frozen=True, slots=True, eq=False)
class StoredRuns:
    """The runs of a search as read from files."""

    trajectories: tuple[Trajectory, ...]
    conditions: Mapping[str, Any] = field(hash=False)
    """Empty in files of former versions."""


_NONE: Mapping[str, StoredRuns] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class SearchRuns:
    """A search and its runs."""

    prepared: PreparedSearch
    trajectories: tuple[Trajectory, ...]
    """All with the same series."""
    conditions: Mapping[str, Any] = field(hash=False)
    """What they were run under, as `conditions_of` says; empty where nobody noted it."""

    @property
    def label(self) -> str:
        """The label of its row."""
        return self.prepared.label

    def answers(self) -> SearchRuns:
        """Keep of each run the steps whose incumbents are answers."""
        return replace(self, trajectories=tuple(run.answers() for run in self.trajectories))


OnRun = Callable[[Sequence[SearchRuns], int], None]
"""Receives after each run the searches so far, and how many runs the last of them will have."""


def run_study(
    named: NamedSearchStudy,
    *,
    measuring: Measuring | None = None,
    device: Device = "cpu",
    stored_runs: Mapping[str, StoredRuns] = _NONE,
    unfinished: Mapping[str, StoredRuns] = _NONE,
    on_run: OnRun = lambda searches, total: None,
) -> tuple[list[SearchRuns], GroundTruth | None, str]:
    """Run every search of a study.

    Args:
        measuring: where the study measures scores.
        device: of supernets.
        stored_runs: runs by label; if there are any, no search is run.
        unfinished: first runs by label, of a command that was interrupted; they are not run again.

    Returns:
        The searches, the ground truth of their answers, and the data set of the study.

    Raises:
        UserError: a name of the study does not exist, options do not fit together, or
            stored or unfinished runs are of other conditions. All searches are prepared before the
            first one is run.
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
        runs = [_again(search, study, benchmark, stored_runs[search.label]) for search in searches]
    else:
        lost = [label for label in unfinished if label not in labels]
        if lost:
            raise UserError(
                f"cannot go on with the runs that were interrupted: the study has no search "
                f"{lost[0]!r}. Give it back its label, or choose another --output, or remove its "
                "folder `unfinished`."
            )
        runs = [_begun(search, study, benchmark, unfinished) for search in searches]
        with memory_kept():
            for place, begun in enumerate(runs):
                others = [one for one in runs if one is not begun and one.trajectories]
                runs[place] = _run(begun, study, others, on_run)
    truth = None if benchmark is None else GroundTruth(benchmark)
    return runs, truth, searches[0].evaluator.problem.dataset


def _run(
    begun: SearchRuns, study: SearchStudy, others: Sequence[SearchRuns], on_run: OnRun
) -> SearchRuns:
    search, spec = begun.prepared, begun.prepared.spec
    total = spec.runs or study.runs
    trajectories = run_many(
        search.searcher,
        search.evaluator,
        runs=total,
        seed=study.seed,
        settings=spec.settings,
        budget=Budget(spec.seconds, spec.evaluations),
        problems=search.problems,
        done=begun.trajectories,
        on_run=lambda runs: on_run([*others, replace(begun, trajectories=tuple(runs))], total),
    )
    return replace(begun, trajectories=with_common_series(trajectories))


def _begun(
    search: PreparedSearch,
    study: SearchStudy,
    benchmark: Benchmark | None,
    unfinished: Mapping[str, StoredRuns],
) -> SearchRuns:
    """Take the first runs of a search from those of an interrupted command.

    Raises:
        UserError: they are of other conditions than the study's, but for the number of runs.
    """
    here = conditions_of(search, study, benchmark)
    found = unfinished.get(search.label, StoredRuns((), here))
    there = {**found.conditions, "runs": here["runs"]}
    if changed := _changes(there, here):
        raise UserError(
            f"cannot go on with the runs of {search.label!r} that were interrupted: their "
            f"conditions are not those of the study, {'; '.join(changed)}. Give the conditions of "
            "the runs, or another --output, or remove its folder `unfinished`."
        )
    return SearchRuns(search, found.trajectories, here)


def _changes(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    # what another version did not note, or no longer notes, cannot be compared
    return [
        f"{name} was {value!r} and is {here[name]!r}"
        for name, value in there.items()
        if name in here and value != here[name]
    ]


_MADE_BY = "untrained"
"""Version of the project, whose defaults decide what is measured."""


def conditions_of(
    search: PreparedSearch, study: SearchStudy, benchmark: Benchmark | None
) -> dict[str, Any]:
    """Name everything that decides what the runs of a search find, as values of JSON.

    Scores that are looked up are named by a digest of them; the benchmark, by its name, where the
    search sees values of it. What only the report shows is left out.
    """
    spec, stored = search.spec, search.stored
    sees = search.asks & ACCURACIES or {*spec.limits, *search.metrics_seen}.difference(SIZES)
    scores = repr((sorted(stored.values.items()), stored.cost_s)) if stored else ""
    found: dict[str, Any] = {
        _MADE_BY: version("untrained"),
        "space": study.space,
        "searcher": search.searcher.name,
        "indicator": search.estimator.name if search.estimator else "",
        "dataset": search.evaluator.problem.dataset,
        "benchmark": benchmark.name if benchmark is not None and sees else "",
        "scores": hashlib.sha256(scores.encode()).hexdigest()[:12] if stored else "",
        "runs": spec.runs or study.runs,
        "seed": study.seed,
        "pools": search.pools.number if search.pools else 0,
        "pool_size": search.pools.size if search.pools else 0,
        "inputs": spec.inputs or "",
        **spec.model_dump(include={"seconds", "evaluations", "limits", "confined"}),
        **{f"setting {name}": value for name, value in search.settings.items()},
        **{f"measuring.{name}": value for name, value in study.measuring.model_dump().items()},
    }
    read: dict[str, Any] = json.loads(json.dumps(found))
    return read


def _again(
    search: PreparedSearch, study: SearchStudy, benchmark: Benchmark | None, stored: StoredRuns
) -> SearchRuns:
    """Take stored runs for those of a search.

    Raises:
        UserError: they are of other pools or conditions than the study's.
    """
    number = search.pools.number if search.pools else 0
    expected = [1 + run % number if number else 0 for run in range(len(stored.trajectories))]
    if [run.pool for run in stored.trajectories] != expected:
        raise UserError(
            f"cannot report the runs of {search.label!r} again: they are on other pools than those "
            f"of the study, which has {number}. Run the study without --from."
        )
    wanted = stored.conditions.get("runs", len(stored.trajectories))
    if len(stored.trajectories) < wanted:
        raise UserError(
            f"cannot report the runs of {search.label!r} again: {len(stored.trajectories)} of "
            f"{wanted} are there. Finish them first, by the command that was interrupted."
        )
    there = {name: value for name, value in stored.conditions.items() if name != _MADE_BY}
    changed = _changes(there, conditions_of(search, study, benchmark))
    if changed:
        raise UserError(
            f"cannot report the runs of {search.label!r} again: their conditions are not those of "
            f"the study, {'; '.join(changed)}. Give the conditions of the runs, or run the study "
            "without --from."
        )
    return SearchRuns(search, stored.trajectories, stored.conditions)


_ORDER = ("valid_accuracy", "surrogate_accuracy", "val_loss", "test_accuracy", "test_loss")


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruthColumn:
    """One column of a benchmark."""

    target: Target
    column: Column
    values: dict[str, float]
    """By architecture; of a surrogate, those that have been predicted."""


class GroundTruth:
    """Validation and test results of the longest trainings, for every data set of a benchmark."""

    def __init__(self, benchmark: Benchmark) -> None:
        """Choose the columns; costs of networks are no ground truth."""
        self.benchmark = benchmark
        found = {
            (t.dataset, t.metric): benchmark.target(dataset=t.dataset, metric=t.metric)
            for t in benchmark.targets()
            if not is_cost(t.metric)
        }
        targets = sorted(found.values(), key=lambda t: (t.dataset, _place(t.metric), t.metric))
        self.columns = tuple(self._column(target) for target in targets)

    def main(self, dataset: str) -> int:
        """Find the column of the test accuracy on a data set, else the first one; -1: none."""
        mine = [i for i, one in enumerate(self.columns) if one.target.dataset == dataset]
        tests = [i for i in mine if self.columns[i].target.metric.startswith("test_")]
        return (tests or mine or [-1])[0]

    def values(self, place: int, architectures: Iterable[str]) -> NDArray[np.float64]:
        """Look up one column for some architectures; NaN where there is no value."""
        one = self.columns[place]
        texts = list(architectures)
        if not self.benchmark.enumerable:
            new = [text for text in dict.fromkeys(texts) if text not in one.values]
            predicted = self.benchmark.values(new, one.target)
            one.values.update((str(text), float(value)) for text, value in predicted.items())
        nan = float("nan")
        return np.array([one.values.get(text, nan) for text in texts], dtype=np.float64)

    def named_values(self, architectures: Sequence[str]) -> Mapping[str, object]:
        """Look up all columns, named `DATASET METRIC`, for some architectures."""
        return {
            f"{column.target.dataset} {column.target.metric}": self.values(place, architectures)
            for place, column in enumerate(self.columns)
        }

    def table(self) -> pd.DataFrame | None:
        """Tabulate the networks that have a value in every column; None for a surrogate."""
        if not self.benchmark.enumerable:
            return None
        return pd.DataFrame({i: one.values for i, one in enumerate(self.columns)}).dropna()

    def _column(self, target: Target) -> GroundTruthColumn:
        high = self.benchmark.higher_is_better(target.metric)
        values: dict[str, float] = {}
        optimum = float("nan")
        if self.benchmark.enumerable:
            table = self.benchmark.table(target).dropna()
            found = table["value"].to_numpy(dtype=np.float64)
            # texts of Arrow are slow to iterate over one by one
            values = dict(zip(table["architecture"].to_numpy(), found.tolist(), strict=True))
            optimum = float(found.max() if high else found.min())
        column = Column(target.dataset, target.metric, target.label, optimum, high)
        return GroundTruthColumn(target, column, values)


def _place(metric: str) -> int:
    return _ORDER.index(metric) if metric in _ORDER else len(_ORDER)
