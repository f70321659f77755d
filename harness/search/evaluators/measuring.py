"""An evaluator that measures networks on request and stores their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
from untrained.harness.search.evaluators.evaluator import Evaluator, Trainings
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import CostlyRequest, Score, Scored, Train
from untrained.harness.study.conditions import protocols
from untrained.harness.study.plan import Plan, score_version
from untrained.harness.study.population import Selection
from untrained.harness.study.search_study import SearchStudy
from untrained.indicators import indicators
from untrained.results import ScoreStore
from untrained.spaces import Architecture

_REASON = "requested by a search"


@dataclass(frozen=True, slots=True, eq=False)
class Measuring:
    """The store, processes and device of a study that measures."""

    store: ScoreStore
    executor: Executor
    """Measures where a searcher requests several networks at once."""
    device: Device

    @classmethod
    def of_study(
        cls,
        study: SearchStudy,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        workers: int | None = None,
    ) -> Measuring:
        """Open the store of a study, and choose the device and by default the number of processes.

        Raises:
            UserError: the device does not exist, or the store cannot be opened.
        """
        assert study.store is not None, "a study that measures has a store"
        chosen = find_device(device)
        executor = make_executor(chosen, workers)
        return cls(ScoreStore(Path(study.store)), executor, chosen)


class MeasuringEvaluator(Evaluator):
    """Measures each score once: the store keeps it, so that a killed search can be resumed.

    A score costs what its indicators took by themselves when they were measured, in this search
    or before; a search is thus the same with a full store as with an empty one.
    """

    def __init__(
        self,
        problem: Problem,
        study: SearchStudy,
        measuring: Measuring,
        *,
        trainings: Trainings | None = None,
    ) -> None:
        """Fix the protocols of the scores.

        Raises:
            UserError: the conditions of the study do not exist.
        """
        assert problem.estimator is not None, "scores come with an estimator"
        conditions = study.measuring.about(study.dataset)
        names = list(dict.fromkeys(problem.estimator.indicators))
        self.problem = problem
        self.measured_on = device_name(measuring.device)
        self.trainings = trainings
        self._measuring = measuring
        self._estimator = problem.estimator
        self._plan = Plan(
            space=study.space,
            selection=Selection((), _REASON),
            protocols=protocols(conditions, names, space=study.space),
            versions={name: score_version(indicators[name].version, study.space) for name in names},
            seeds=(conditions.seed,),
            timeout_s=conditions.timeout_s,
            split=conditions.split,
        )
        self._scored: dict[tuple[Architecture, int], Scored] = {}

    def prepare(self, request: CostlyRequest) -> None:
        """Measure all networks of a request together."""
        if isinstance(request, Score):
            self._measure(request.architectures, request.draws)

    def score(self, architecture: Architecture) -> Scored:
        """Return the scores, measured unless they are stored."""
        return self.score_draws(architecture, 1)

    def score_draws(self, architecture: Architecture, draws: int) -> Scored:
        """Return the scores with the study's seed and those that follow it."""
        if (architecture, draws) not in self._scored:
            self._measure([architecture], draws)
        return self._scored[architecture, draws]

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return the cost of a training or of a known score; None for other scores."""
        match request:
            case Score():
                known = self._scored.get((item, request.draws))
                return None if known is None else known.cost_s
            case Train():
                return self.train(item, request.epochs).cost_s
        return None

    def _measure(self, architectures: Sequence[Architecture], draws: int) -> None:
        missing = dict.fromkeys(a for a in architectures if (a, draws) not in self._scored)
        if not missing:
            return
        texts = tuple(architecture.text for architecture in missing)
        first = self._plan.seeds[0]
        seeds = tuple(range(first, first + draws))
        plan = replace(self._plan, selection=Selection(texts, _REASON), seeds=seeds)
        measuring = self._measuring
        run_plans(
            [plan],
            measuring.store,
            # this process measures a single network before another one would have started
            executor=measuring.executor if len(missing) > 1 else SerialExecutor(),
            progress=Progress(),
            device=measuring.device,
        )
        frame = plan.scores_in(measuring.store)
        columns = frame.set_index(["architecture", "seed", "indicator"])[["value", "alone_s"]]
        rows = dict(zip(columns.index, columns.to_numpy(dtype=np.float64), strict=True))
        names = self._estimator.indicators
        for architecture in missing:
            own = np.array([[rows[architecture.text, s, name] for name in names] for s in seeds])
            found = tuple(tuple(map(float, values)) for values in own[:, :, 0])
            values = tuple(map(float, own[:, :, 0].mean(0)))
            cost_s = float(np.nansum(own[:, :, 1]))
            oriented = self._estimator.oriented(values)
            self._scored[architecture, draws] = Scored(
                architecture, values, oriented, cost_s, found if draws > 1 else ()
            )
