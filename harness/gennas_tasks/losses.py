"""Losses of GenNAS tasks on labelled networks, and the journal that keeps them on disk."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import (
    READ_ERRORS,
    MalformedInput,
    MissingData,
    StorageError,
    Unsupported,
    UserError,
    derive,
)
from untrained.harness.data.inputs import batches
from untrained.harness.execution.executors import Executor, WorkerDied
from untrained.harness.execution.scoring import build_network
from untrained.harness.gennas_tasks.evolution import AnyTask
from untrained.harness.search.evaluators.evaluator import Trainings
from untrained.indicators import Measurement, Protocol
from untrained.indicators.framework.reading import Diverged
from untrained.indicators.regression.task_file import digest
from untrained.indicators.regression.training import regression_loss
from untrained.spaces import Benchmark, Target, spaces

_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class LabelledNetworks:
    """Networks and their accuracies."""

    architectures: tuple[str, ...]
    accuracies: tuple[float, ...]
    """Larger is better: losses are negated."""


def label_column(benchmark: Benchmark, dataset: str | None, metric: str | None) -> Target:
    """Find the column of a benchmark that has the labels.

    Args:
        dataset: by default that of its default target.
        metric: by default its validation accuracy after the longest training.

    Raises:
        UserError: there is no validation accuracy, and no other metric is named.
        UnknownName: the benchmark has no such dataset or metric.
    """
    if metric is not None:
        return benchmark.target(dataset=dataset, metric=metric)
    trainings = Trainings(benchmark, dataset)
    return trainings.target(trainings.lengths[-1])


def draw_labelled(
    benchmark: Benchmark, target: Target, *, count: int, held_out: int, seed: int
) -> tuple[LabelledNetworks, LabelledNetworks]:
    """Draw two sets of networks without replacement, no two of which compute the same function.

    The first set does not depend on the size of the second.

    Raises:
        MalformedInput: fewer networks have a label.
    """
    sign = 1.0 if benchmark.higher_is_better(target.metric) else -1.0
    space = spaces[benchmark.space]
    classes: set[str] = set()
    found: list[tuple[str, float]] = []
    for text, value in _labels(benchmark, target, seed):
        function = space.canonical(text).text
        if function in classes:
            continue
        classes.add(function)
        found.append((text, sign * value))
        if len(found) == count + held_out:
            break
    if len(found) < count + held_out:
        raise MalformedInput(
            f"{count} labelled networks and {held_out} held-out ones were asked for, but only "
            f"{len(found)} different ones have a {target.label} in {benchmark.name}; ask for fewer"
        )
    texts, values = tuple(text for text, _ in found), tuple(value for _, value in found)
    return (
        LabelledNetworks(texts[:count], values[:count]),
        LabelledNetworks(texts[count:], values[count:]),
    )


def _labels(benchmark: Benchmark, target: Target, seed: int) -> Iterator[tuple[str, float]]:
    """Yield networks in random order with their values, which a surrogate predicts."""
    rng = np.random.default_rng(derive(seed, "labelled", benchmark.space))
    if not benchmark.enumerable:
        space = spaces[benchmark.space]
        for _ in range(_DRAWS):
            text = space.sample(rng).text
            yield text, float(benchmark.values([text], target).iloc[0])
        return
    table = benchmark.table(target).dropna(subset="value")
    if table.empty:
        raise MissingData(f"{benchmark.name} has no network with a {target.label}")
    texts, values = table["architecture"].tolist(), table["value"].tolist()
    for place in rng.permutation(len(texts)):
        yield str(texts[place]), float(values[place])


@dataclass(frozen=True, slots=True)
class LossConditions:
    """The conditions of a loss besides the task and the network."""

    space: str
    protocol: Protocol
    """Resolved."""
    steps: int
    """Number of training steps."""
    seed: int
    """Of initialisations, read-outs and noise, as in any run of this seed."""
    device: str


class Journal:
    """Losses by task and network in a file of JSON lines; the first line has the settings.

    A search with the same settings makes the same choices, so that the losses are all it needs to
    be resumed. An incomplete last line is dropped.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open or create a journal.

        Raises:
            UserError: the file is of a search with other settings.
            MalformedInput: the file is no journal.
            StorageError: the file cannot be read or written.
        """
        self._path = path
        self._losses: dict[tuple[str, str], tuple[float, float]] = {}
        self._file: IO[str]
        header = json.dumps({"untrained": "task search", **settings}, sort_keys=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = self._read(header) if path.exists() else 0
            self._file = path.open("a", encoding="utf-8")
            self._file.truncate(whole)
            if not whole:
                self._write(header)
        except OSError as error:
            raise StorageError(
                f"the journal {path} cannot be opened: {error}; name a folder "
                "you can write to with --output"
            ) from error

    def __enter__(self) -> Journal:
        """Return the journal; the context closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        """Return the number of losses."""
        return len(self._losses)

    def get(self, task: str, architecture: str) -> tuple[float, float] | None:
        """Return loss and seconds, or None if they have not been measured."""
        return self._losses.get((task, architecture))

    def add(self, task: str, architecture: str, loss: float, seconds: float) -> None:
        """Write one loss to disk; it is infinite where the training diverged.

        Raises:
            StorageError: the file cannot be written.
        """
        self._losses[task, architecture] = loss, seconds
        line = {
            "task": task,
            "architecture": architecture,
            "loss": loss if math.isfinite(loss) else None,
            "seconds": round(seconds, 3),
        }
        try:
            self._write(json.dumps(line))
        except OSError as error:
            raise StorageError(
                f"the journal {self._path} cannot be written: {error}; what is in it is kept: make "
                "room and run the same command again"
            ) from error

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, header: str) -> int:
        """Read the losses; return the number of bytes of complete lines."""
        whole = 0
        with self._path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    text = raw.decode("utf-8").rstrip("\n")
                    if not raw.endswith(b"\n"):
                        if number == 1 and not header.startswith(text):
                            raise ValueError
                        break
                    if number == 1:
                        self._compare(text, header)
                    else:
                        row = json.loads(text)
                        loss = math.inf if row["loss"] is None else float(row["loss"])
                        seconds = float(row["seconds"])
                        if math.isnan(loss) or not math.isfinite(seconds):
                            raise ValueError("a number is not finite")
                        self._losses[str(row["task"]), str(row["architecture"])] = loss, seconds
                except READ_ERRORS as error:
                    raise MalformedInput(
                        f"{self._path}, line {number}: no line of a task search's journal; take "
                        "another file, or delete this one"
                    ) from error
                whole += len(raw)
        return whole

    def _compare(self, text: str, header: str) -> None:
        stored, given = json.loads(text), json.loads(header)
        if not isinstance(stored, dict) or stored.get("untrained") != given["untrained"]:
            raise ValueError
        if stored != given:
            other = [
                f"{key} = {stored.get(key)!r} there, {given.get(key)!r} here"
                for key in sorted({*stored, *given})
                if stored.get(key) != given.get(key)
            ]
            raise UserError(
                f"the journal {self._path} is of a search with other settings: "
                f"{'; '.join(other)}; give the same options, or another --output"
            )


@dataclass(frozen=True, slots=True)
class _Item:
    task: AnyTask
    architecture: str
    conditions: LossConditions


@dataclass(frozen=True, slots=True)
class LossMeter:
    """Measures the losses that the journal lacks."""

    conditions: LossConditions
    journal: Journal
    executor: Executor

    def losses(self, task: AnyTask, architectures: Sequence[str]) -> NDArray[np.float64]:
        """Measure the final loss of each network; infinite where the training diverged.

        Raises:
            UserError: a network cannot be trained on such a task.
        """
        number = digest(task)
        missing = [text for text in architectures if self.journal.get(number, text) is None]
        items = [_Item(task, text, self.conditions) for text in missing]
        with closing(self.executor.run(_regress, items)) as results:
            for item, outcome in results:
                if isinstance(outcome, WorkerDied | str):
                    reason = outcome if isinstance(outcome, str) else "its worker process died"
                    raise UserError(
                        f"cannot train {item.architecture} on a task: {reason}; smaller networks "
                        "or batches, another space or another --seed may help"
                    )
                self.journal.add(number, item.architecture, *outcome)
        return np.array([loss for loss, _ in self._rows(task, architectures)])

    def seconds(self, task: AnyTask, architectures: Sequence[str]) -> float:
        """Sum the seconds of the losses over networks, in this run or before."""
        return float(sum(seconds for _, seconds in self._rows(task, architectures)))

    def _rows(self, task: AnyTask, architectures: Sequence[str]) -> list[tuple[float, float]]:
        number = digest(task)
        rows = [row for text in architectures if (row := self.journal.get(number, text))]
        assert len(rows) == len(architectures), "losses are measured before they are read"
        return rows


def _regress(item: _Item) -> tuple[float, float] | str:
    """Measure loss and seconds as GenNAS's indicators do; a text is the reason for no loss."""
    how = item.conditions
    began = time.perf_counter()
    try:
        network = build_network(
            how.space, item.architecture, how.protocol, seed=how.seed, device=how.device
        )
        with Measurement(
            network,
            batches(how.protocol),
            seed=derive(how.seed, "measure", how.space, item.architecture),
            data_seed=how.protocol.data_seed,
            batch_norm=how.protocol.batch_norm,
        ) as measurement:
            loss = regression_loss(measurement, item.task, steps=how.steps)
    except Diverged:
        loss = math.inf
    except Unsupported as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return loss, time.perf_counter() - began
