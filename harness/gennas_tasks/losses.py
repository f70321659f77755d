"""Losses of GenNAS tasks on labelled networks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, MissingData, Unsupported, UserError, derive
from untrained.harness.data.inputs import batches
from untrained.harness.execution.executors import Executor, WorkerDied
from untrained.harness.execution.scoring import build_network
from untrained.harness.gennas_tasks.evolution import AnyTask
from untrained.harness.gennas_tasks.journal import Journal
from untrained.harness.search.evaluators.trainings import Trainings
from untrained.indicators import Measurement, Protocol
from untrained.indicators.framework.reading import Diverged
from untrained.indicators.regression.task_file import digest
from untrained.indicators.regression.training import regression_loss
from untrained.spaces import Benchmark, Target, spaces

_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """Networks and how good they are."""

    architectures: tuple[str, ...]
    accuracies: tuple[float, ...]
    """Larger is better: a loss has its sign turned."""


def label_column(benchmark: Benchmark, dataset: str | None, metric: str | None) -> Target:
    """The column of a benchmark that labels are read from.

    Args:
        dataset: by default that of its default target.
        metric: by default its validation accuracy after the longest training.

    Raises:
        UserError: it has no validation accuracy, and no other metric is named.
        UnknownName: it has no such dataset or metric.
    """
    if metric is not None:
        return benchmark.target(dataset=dataset, metric=metric)
    trainings = Trainings(benchmark, dataset)
    return trainings.target(trainings.lengths[-1])


def draw_labelled(
    benchmark: Benchmark, target: Target, *, count: int, held_out: int, seed: int
) -> tuple[Labelled, Labelled]:
    """Two lots of networks without replacement, no two of which compute the same function.

    Args:
        seed: draws both; the first lot does not depend on the size of the second.

    Raises:
        MalformedInput: more networks are asked for than have a label.
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
    return _lot(found[:count]), _lot(found[count:])


def _lot(rows: list[tuple[str, float]]) -> Labelled:
    return Labelled(tuple(text for text, _ in rows), tuple(value for _, value in rows))


def _labels(benchmark: Benchmark, target: Target, seed: int) -> Iterator[tuple[str, float]]:
    """Networks in random order with their values; a surrogate predicts those that are drawn."""
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
class Conditions:
    """What a loss depends on besides the task and the network."""

    space: str
    protocol: Protocol
    """Resolved."""
    steps: int
    """Of a training."""
    seed: int
    """Of initialisations, read-outs and noise, as in any run of this seed."""
    device: str


@dataclass(frozen=True, slots=True)
class _Item:
    task: AnyTask
    architecture: str
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class _Outcome:
    loss: float
    seconds: float
    problem: str = ""


class LossMeter:
    """Measures what the journal does not have."""

    def __init__(self, conditions: Conditions, journal: Journal, executor: Executor) -> None:
        """Say how losses are measured and where they are kept."""
        self._conditions = conditions
        self._journal = journal
        self._executor = executor

    def losses(self, task: AnyTask, architectures: Sequence[str]) -> NDArray[np.float64]:
        """The final loss of each network; infinite where the training diverged.

        Raises:
            UserError: a network cannot be trained on such a task at all.
        """
        number = digest(task)
        missing = [text for text in architectures if self._journal.get(number, text) is None]
        items = [_Item(task, text, self._conditions) for text in missing]
        with closing(self._executor.run(_regress, items)) as results:
            for item, outcome in results:
                if isinstance(outcome, WorkerDied) or outcome.problem:
                    problem = "" if isinstance(outcome, WorkerDied) else outcome.problem
                    raise UserError(
                        f"{item.architecture} could not be trained on a task: "
                        f"{problem or 'its worker process died'}; smaller networks or batches, "
                        "another space or another --seed may help"
                    )
                self._journal.add(number, item.architecture, outcome.loss, outcome.seconds)
        return np.array([self._row(number, text)[0] for text in architectures])

    def seconds(self, task: AnyTask, architectures: Sequence[str]) -> float:
        """What the losses took, summed over networks, whether in this run or before."""
        number = digest(task)
        return float(sum(self._row(number, text)[1] for text in architectures))

    def _row(self, number: str, text: str) -> tuple[float, float]:
        row = self._journal.get(number, text)
        assert row is not None, "measured before it is asked for"
        return row


def _regress(item: _Item) -> _Outcome:
    """As the indicators of GenNAS measure it: the same network, batch, targets and noise."""
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
        return _Outcome(math.nan, 0.0, str(error))
    except Exception as error:
        return _Outcome(math.nan, 0.0, f"{type(error).__name__}: {error}")
    return _Outcome(loss, time.perf_counter() - began)
