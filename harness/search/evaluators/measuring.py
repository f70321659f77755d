"""An evaluator that measures networks as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from untrained.foundation import UserError
from untrained.harness.execution.executors import (
    Device,
    Executor,
    SerialExecutor,
    device_name,
    find_device,
    make_executor,
)
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.experiment.setup import MakeLive
from untrained.harness.search.experiment.study import NamedSearchStudy
from untrained.harness.search.problem import Problem, Validation
from untrained.harness.search.requests import CostlyRequest, Score, Scored, Train, Trained
from untrained.harness.search.supernet.estimator import Estimator
from untrained.harness.study.conditions import protocols
from untrained.harness.study.plan import Plan
from untrained.harness.study.population import Selection
from untrained.indicators import indicators
from untrained.results import ScoreStore
from untrained.spaces import Architecture, TrainingCost


def live_maker(
    named: NamedSearchStudy,
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    workers: int | None = None,
) -> MakeLive:
    """What makes the worlds of a study that measures.

    Args:
        workers: processes; by default one a CPU core, or one a GPU.

    Raises:
        UserError: the device, the inputs or the store are not there.
    """
    study = named.study
    assert study.store is not None, "a study that measures keeps its scores"
    chosen = find_device(device)
    executor = make_executor(chosen, workers)
    store = ScoreStore(Path(study.store))
    how = study.measuring.about(study.dataset)

    def make(
        problem: Problem,
        estimator: Estimator,
        validation: Validation | None,
        cost: TrainingCost | None,
    ) -> World:
        names = list(dict.fromkeys(estimator.indicators))
        plan = Plan(
            space=study.space,
            selection=Selection((), "asked for by a search"),
            protocols=protocols(how, names),
            versions={name: indicators[name].version for name in names},
            seeds=(how.seed,),
            timeout_s=how.timeout_s,
        )
        return LiveWorld(
            problem,
            plan,
            store,
            executor=executor,
            device=chosen,
            validation=validation,
            cost=cost,
        )

    return make


class LiveWorld(World):
    """What the store has is not measured again, so that a killed search goes on where it was.

    A score costs what its indicators took by themselves when they were measured, whether that was
    in this search or before; a search is thus the same with a full store as with an empty one.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        store: ScoreStore,
        *,
        executor: Executor,
        device: Device = "cpu",
        validation: Validation | None = None,
        cost: TrainingCost | None = None,
    ) -> None:
        """Say how scores are measured.

        Args:
            plan: indicators, protocols and seeds; its population does not matter.
            executor: what does the work where a searcher asks for several networks at once; a
                single one is measured in this process.
            validation: where trainings are looked up; None: there are none.
        """
        self.problem = problem
        self.measured_on = device_name(device)
        self._plan = plan
        self._store = store
        self._executor = executor
        self._device = device
        self._validation = validation
        self._cost = cost
        self._scored: dict[Architecture, Scored] = {}

    def prepare(self, request: CostlyRequest) -> None:
        """Measure all networks of a request together."""
        if isinstance(request, Score):
            self._measure(request.architectures)

    def score(self, architecture: Architecture) -> Scored:
        """The scores, measured unless they are stored."""
        if architecture not in self._scored:
            self._measure([architecture])
        return self._scored[architecture]

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """The benchmark's validation accuracy.

        Args:
            epochs: 0 for the shortest training.

        Raises:
            UserError: there is no benchmark.
        """
        if self._validation is None or self._cost is None:
            raise UserError("the search asks for trainings, but no benchmark is at hand")
        length = self._validation.target(epochs).epochs
        return Trained(
            architecture,
            self._validation.accuracy(architecture, epochs),
            self._cost.seconds(architecture, length),
        )

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Known of what has been measured, and of trainings."""
        match request:
            case Score():
                return self._scored[item].cost_s if item in self._scored else None
            case Train():
                return self.train(item, request.epochs).cost_s
        return None

    def _measure(self, architectures: Sequence[Architecture]) -> None:
        wanted = dict.fromkeys(a for a in architectures if a not in self._scored)
        if not wanted:
            return
        texts = tuple(architecture.text for architecture in wanted)
        plan = replace(self._plan, selection=Selection(texts, "asked for by a search"))
        run_plans(
            [plan],
            self._store,
            # one network is done here before a process of its own would have started
            executor=self._executor if len(wanted) > 1 else SerialExecutor(),
            progress=_Silent(),
            device=self._device,
        )
        estimator = self.problem.estimator
        assert estimator is not None, "scores come with an estimator"
        frame = plan.scores_in(self._store)
        numbers = frame.set_index(["architecture", "indicator"])[["value", "alone_s"]]
        found = dict(zip(numbers.index, numbers.to_numpy(dtype=np.float64), strict=True))
        for architecture in wanted:
            rows = [found[architecture.text, name] for name in estimator.indicators]
            values = tuple(float(value) for value, _ in rows)
            cost_s = float(np.nansum([alone_s for _, alone_s in rows]))
            self._scored[architecture] = Scored(
                architecture, values, estimator.oriented(values), cost_s
            )


class _Silent(Progress):
    """A search tells of its own progress."""

    @contextmanager
    def running(self, *, total: int, done_before: int) -> Iterator[None]:
        del total, done_before
        yield

    def advance(self, scores: int, failures: int) -> None:
        del scores, failures
