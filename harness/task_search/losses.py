"""The losses of networks on a task, measured once and kept in a journal."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import Unsupported, UserError, derive
from untrained.harness.executors import Executor
from untrained.harness.inputs import batches
from untrained.harness.pool import WorkerDied
from untrained.harness.scoring import build_network
from untrained.harness.task_search.genome import AnyTask
from untrained.harness.task_search.journal import Journal
from untrained.indicators import Measurement, Protocol
from untrained.indicators.reading import Diverged
from untrained.indicators.regression.task_file import digest
from untrained.indicators.regression.training import regression_loss


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

        Args:
            task: what is regressed.
            architectures: their texts.

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
