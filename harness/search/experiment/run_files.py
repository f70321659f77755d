"""Files of the runs of searches: steps, answers, fronts and genotypes."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, UntrainedError
from untrained.harness.search.algorithms.pareto import FRONT
from untrained.harness.search.experiment.run import GroundTruth, SearchRuns, StoredRuns
from untrained.results.searches.speed import Trajectory, with_common_series
from untrained.results.store.export import write_frame

RUNS = "runs.csv"
STEPS = "trajectories.parquet"
_CONDITIONS = "untrained.searches"
"""Conditions of each search by label, in the metadata of the steps."""
_STEP_COLUMNS = ("step", "cost_s", "evaluations", "incumbent", "search", "run")
_WORDS = ("search", "architecture", "measured_on")
_RUN_COLUMNS = ("search", "run", "architecture", "evaluations", "cost_s", "stopped")
_HEAD = '''"""Found by searches, one genotype a run; the names are search and run."""

from collections import namedtuple

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")

'''


def runs_frame(searches: Sequence[SearchRuns], truth: GroundTruth | None) -> pd.DataFrame:
    """Make a table of the runs: answer, cost and ground truth, one row per run."""
    parts = []
    has_pools = any(run.pool for search in searches for run in search.trajectories)
    for search in searches:
        runs = search.trajectories
        finals = [run.final for run in runs]
        columns: dict[str, object] = {
            "search": search.label,
            "run": np.arange(len(finals)),
            "architecture": finals,
            "evaluations": [run.num_evaluations for run in runs],
            "cost_s": [run.total_s for run in runs],
            "stopped": [run.stopped for run in runs],
            "measured_on": [run.measured_on for run in runs],
            **({"pool": [run.pool for run in runs]} if has_pools else {}),
            **({} if truth is None else truth.named_values(finals)),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def steps_frame(searches: Sequence[SearchRuns]) -> pd.DataFrame:
    """Make a table of the steps, one row per step of every run."""
    return pd.concat(
        [
            run.frame().assign(search=search.label, run=number)
            for search in searches
            for number, run in enumerate(search.trajectories)
        ],
        ignore_index=True,
    )


def write_runs(
    searches: Sequence[SearchRuns], truth: GroundTruth | None, folder: Path
) -> list[Path]:
    """Write runs and steps, with the conditions of every search, and return the files.

    Raises:
        StorageError: a file cannot be written.
    """
    conditions = {one.label: dict(one.conditions) for one in searches if one.conditions}
    # the steps first: runs without steps could not be read, should the process end between them
    steps = write_frame(
        steps_frame(searches),
        folder / STEPS,
        metadata={_CONDITIONS: conditions} if conditions else {},
    )
    return [write_frame(runs_frame(searches, truth), folder / RUNS, metadata={}), steps]


class UnfinishedRuns:
    """The runs so far of a command whose runs take long, in a folder that its end removes."""

    every_s = 30
    """Least number of seconds between two times of writing."""

    def __init__(self, folder: Path) -> None:
        """Choose the folder."""
        self.folder = folder
        self._written = time.monotonic()
        self._waiting: Sequence[SearchRuns] = ()

    def read(self) -> Mapping[str, StoredRuns]:
        """Read the runs of every search that has any, by label.

        Raises:
            MalformedInput: the files are damaged, or one of them is not there.
        """
        if not (self.folder / RUNS).exists():
            return {}  # of an interruption before the first runs were written
        try:
            return read_runs(self.folder)
        except UntrainedError as error:
            raise MalformedInput(
                f"cannot go on with the runs in {self.folder}: {error}. Remove this folder, or "
                "choose another --output."
            ) from error

    def keep(self, searches: Sequence[SearchRuns]) -> None:
        """Write the runs so far, unless that was done a short time ago; errors as in `write`."""
        self._waiting = searches
        if time.monotonic() - self._written >= self.every_s:
            self.write()

    def write(self) -> bool:
        """Write the runs that are not yet written, and return whether any run is there.

        Raises:
            StorageError: a file cannot be written.
        """
        waiting, self._waiting, self._written = self._waiting, (), time.monotonic()
        if waiting:
            write_runs(waiting, None, self.folder)
        return (self.folder / RUNS).is_file()

    def remove(self) -> None:
        """Remove the files, and the folder if nothing else is in it."""
        for name in (RUNS, STEPS):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # a file of somebody else's
            self.folder.rmdir()


def read_runs(folder: Path) -> Mapping[str, StoredRuns]:
    """Read the runs of every search from a folder, by label.

    Raises:
        MissingData: a file does not exist.
        MalformedInput: a file cannot be read, or the two are from different commands.
    """
    for name in (RUNS, STEPS):
        if not (folder / name).is_file():
            raise MissingData(
                f"cannot read runs of searches from {folder}: it has no {name}; name the folder "
                "that an earlier untrained search --output wrote"
            )
    try:
        # words, even where they look like numbers: 00112200 is a network of NAS-Bench-Macro
        runs = pd.read_csv(folder / RUNS, dtype=dict.fromkeys(_WORDS, str))
        if "measured_on" in runs:
            runs["measured_on"] = runs["measured_on"].fillna("")
        steps = pd.read_parquet(folder / STEPS)
        for name, frame, wanted in ((RUNS, runs, _RUN_COLUMNS), (STEPS, steps, _STEP_COLUMNS)):
            absent = [column for column in wanted if column not in frame]
            if absent:
                raise MalformedInput(
                    f"{folder / name} has no column {', '.join(absent)}; it should be what "
                    "untrained search --output writes"
                )
        noted = (pq.read_schema(folder / STEPS).metadata or {}).get(_CONDITIONS.encode(), b"{}")
        conditions = json.loads(noted)
        return {
            label: StoredRuns(found, dict(conditions.get(label, {})))
            for label, found in _grouped(folder, runs, steps).items()
        }
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise MalformedInput(
            f"{folder}: its runs cannot be read: {error}; {RUNS} and {STEPS} should be as "
            "untrained search --output wrote them"
        ) from error


def _grouped(
    folder: Path, runs: pd.DataFrame, steps: pd.DataFrame
) -> Mapping[str, tuple[Trajectory, ...]]:
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
    return {label: with_common_series(one) for label, one in found.items()}


def _trajectory(row: object, part: pd.DataFrame) -> Trajectory:
    total_s = float(row.cost_s)  # type: ignore[attr-defined]
    if math.isnan(total_s):
        raise ValueError("a run has no cost_s")
    return Trajectory(
        cost_s=part["cost_s"].to_numpy(dtype=np.float64),
        evaluations=part["evaluations"].to_numpy(dtype=np.int64),
        incumbents=tuple(map(str, part["incumbent"])),
        series={
            name: part[name].to_numpy(dtype=np.float64)
            for name in part.columns
            if name not in _STEP_COLUMNS
        },
        final=str(row.architecture),  # type: ignore[attr-defined]
        stopped=str(row.stopped),  # type: ignore[attr-defined]
        total_s=total_s,
        counts={"all": int(row.evaluations)},  # type: ignore[attr-defined]
        measured_on=str(getattr(row, "measured_on", "")),
        pool=int(getattr(row, "pool", 0)),
    )


def front_frame(searches: Sequence[SearchRuns], truth: GroundTruth | None) -> pd.DataFrame | None:
    """Make a table of the Pareto fronts, one row per network.

    Returns:
        Columns search, run, architecture, the cost by its name, and the benchmark's columns; None
        where no search has a front.
    """
    parts = []
    for search in searches:
        for number, run in enumerate(search.trajectories):
            if FRONT not in run.series:
                continue
            places = np.flatnonzero(run.series[FRONT] == 1)
            texts = [run.incumbents[place] for place in places]
            columns: dict[str, object] = {
                "search": search.label,
                "run": number,
                "architecture": texts,
                **{name: v[places] for name, v in run.series.items() if name != FRONT},
                **({} if truth is None else truth.named_values(texts)),
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else None


def genotypes_text(searches: Sequence[SearchRuns]) -> str | None:
    """Write a Python module in which every run's answer is `SEARCH_RUN = Genotype(...)`.

    DARTS's training code and its descendants read architectures from such files. None where no
    search was for cells that have such a text.
    """
    lines: list[str] = []
    taken: set[str] = set()
    for search in searches:
        space = search.prepared.evaluator.problem.space
        for number, run in enumerate(search.trajectories):
            genotype = space.genotype_text(run.final)
            if not genotype:
                continue
            name = f"{_identifier(search.label)}_{number}"
            while name in taken:
                name += "_"
            taken.add(name)
            lines.append(f"{name} = {genotype}")
    return _HEAD + "\n".join(lines) + "\n" if lines else None


def _identifier(label: str) -> str:
    word = re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_")
    return f"search_{word}" if not word or word[0].isdigit() else word
