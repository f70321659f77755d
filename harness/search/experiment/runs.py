"""Repeated runs of a search, kept in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from untrained.foundation import MalformedInput, MissingData, derive
from untrained.harness.search.driver import UNLIMITED, Budget, run_search
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.experiment.setup import Opened
from untrained.harness.search.experiment.study import OneSearch
from untrained.harness.search.search import Search
from untrained.harness.search.searcher import Asks, Searcher
from untrained.results.searches.speed import Trajectory


def generator_of_run(seed: int, searcher: str, run: int) -> np.random.Generator:
    """The random numbers of one run: they depend on neither the other runs nor their number."""
    return np.random.default_rng(derive(seed, "search", searcher, run))


def run_many(
    searcher: Searcher,
    world: World,
    *,
    runs: int,
    seed: int = 0,
    settings: Mapping[str, object] = MappingProxyType({}),
    budget: Budget = UNLIMITED,
    told: Callable[[int], None] = lambda done: None,
) -> list[Trajectory]:
    """Run a search several times.

    Args:
        settings: the searcher's, those that are not to be the default.

    Raises:
        UserError: see `run_search` and `Search`.
    """
    found = []
    for run in range(runs):
        search = Search(
            searcher, world.problem, generator_of_run(seed, searcher.name, run), settings
        )
        found.append(run_search(search, world, budget))
        told(run + 1)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A search, where it was run, and its runs."""

    one: OneSearch
    opened: Opened
    trajectories: tuple[Trajectory, ...]

    @property
    def label(self) -> str:
        """Of its row: what the study says, else searcher, estimator and settings."""
        return label_of(self.one, self.opened)

    @property
    def asks(self) -> frozenset[Asks]:
        """What it asks for under its settings."""
        searcher = self.opened.searcher
        return searcher.asks_with(searcher.settings(self.one.settings))


def label_of(one: OneSearch, opened: Opened) -> str:
    """See `Finished.label`."""
    if one.label is not None:
        return one.label
    parts = [opened.searcher.name]
    if opened.estimator is not None:
        parts.append(f"by {opened.estimator.name}")
    parts += [f"{name}={value}" for name, value in sorted(one.settings.items())]
    return " ".join(parts)


RUNS = "runs.csv"
STEPS = "trajectories.parquet"
_STEP_COLUMNS = ("step", "cost_s", "evaluations", "incumbent", "search", "run")
_WORDS = ("search", "architecture", "measured_on")
_RUN_COLUMNS = ("search", "run", "architecture", "evaluations", "cost_s", "stopped")


def runs_frame(finished: Sequence[Finished], truth: Truth | None) -> pd.DataFrame:
    """One row a run: its answer, what it cost and what that is worth."""
    parts = []
    for one in finished:
        finals = [run.final for run in one.trajectories]
        columns: dict[str, object] = {
            "search": one.label,
            "run": np.arange(len(finals)),
            "architecture": finals,
            "evaluations": [run.num_evaluations for run in one.trajectories],
            "cost_s": [run.total_s for run in one.trajectories],
            "stopped": [run.stopped for run in one.trajectories],
            "measured_on": [run.measured_on for run in one.trajectories],
        }
        for place, column in enumerate(() if truth is None else truth.columns):
            assert truth is not None
            name = f"{column.target.dataset} {column.target.metric}"
            columns[name] = truth.values(place, finals)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def steps_frame(finished: Sequence[Finished]) -> pd.DataFrame:
    """One row a step of every run."""
    return pd.concat(
        [
            run.frame().assign(search=one.label, run=number)
            for one in finished
            for number, run in enumerate(one.trajectories)
        ],
        ignore_index=True,
    )


def read_runs(folder: Path) -> Mapping[str, tuple[Trajectory, ...]]:
    """The runs that an earlier search wrote.

    Returns:
        The runs of every search, by its label.

    Raises:
        MissingData: a file is not there.
        MalformedInput: a file cannot be read, or the two do not belong together.
    """
    for name in (RUNS, STEPS):
        if not (folder / name).is_file():
            raise MissingData(
                f"runs of searches were to be read from {folder}, but it has no {name}; name the "
                "folder that an earlier untrained search --output wrote"
            )
    try:
        # words, even where they look like numbers: 00112200 is a network of NAS-Bench-Macro
        runs = pd.read_csv(folder / RUNS, dtype=dict.fromkeys(_WORDS, str))
        if "measured_on" in runs:
            runs["measured_on"] = runs["measured_on"].fillna("")
        steps = pd.read_parquet(folder / STEPS)
    except (OSError, ValueError) as error:
        raise MalformedInput(f"{folder}: its runs cannot be read: {error}") from error
    for name, frame, wanted in ((RUNS, runs, _RUN_COLUMNS), (STEPS, steps, _STEP_COLUMNS)):
        absent = [column for column in wanted if column not in frame]
        if absent:
            raise MalformedInput(
                f"{folder / name} has no column {', '.join(absent)}; it should be what untrained "
                "search --output writes"
            )
    grouped = dict(iter(steps.groupby(["search", "run"], sort=False)))
    found: dict[str, list[Trajectory]] = {}
    for row in runs.itertuples(index=False):
        part = grouped.get((row.search, row.run))
        if part is None:
            raise MalformedInput(
                f"{folder / STEPS} has no steps of run {row.run} of {row.search!r}, which "
                f"{RUNS} has; the two files are not from one command"
            )
        found.setdefault(str(row.search), []).append(_trajectory(row, part))
    return {label: tuple(one) for label, one in found.items()}


def _trajectory(row: object, part: pd.DataFrame) -> Trajectory:
    series = [name for name in part.columns if name not in _STEP_COLUMNS]
    return Trajectory(
        cost_s=part["cost_s"].to_numpy(dtype=np.float64),
        evaluations=part["evaluations"].to_numpy(dtype=np.int64),
        incumbents=tuple(map(str, part["incumbent"])),
        series={
            name: part[name].to_numpy(dtype=np.float64)
            for name in series
            if part[name].notna().any()
        },
        final=str(row.architecture),  # type: ignore[attr-defined]
        stopped=str(row.stopped),  # type: ignore[attr-defined]
        total_s=float(row.cost_s),  # type: ignore[attr-defined]
        counts={"all": int(row.evaluations)},  # type: ignore[attr-defined]
        measured_on=str(getattr(row, "measured_on", "")),
    )
