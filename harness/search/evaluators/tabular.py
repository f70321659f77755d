"""A world of stored scores and a benchmark's table, in which a search takes milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from untrained.foundation import MissingData, UserError
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.problem import Problem, Validation
from untrained.harness.search.requests import CostlyRequest, Score, Scored, Train, Trained
from untrained.spaces import Architecture, TrainingCost


class TableWorld(World):
    """Answers are looked up, and cost what they cost when they were measured."""

    def __init__(
        self,
        problem: Problem,
        *,
        scores: Mapping[str, Sequence[float]] | None = None,
        score_cost_s: float = 0.0,
        validation: Validation | None = None,
        cost: TrainingCost | None = None,
    ) -> None:
        """Say what is looked up.

        Args:
            scores: of each scored network, one an indicator of the problem's estimator.
            score_cost_s: seconds of one network's scores.
            validation: where trainings are looked up; None: there are none.
        """
        self.problem = problem
        self._score_cost_s = score_cost_s
        self._validation = validation
        self._cost = cost
        self._trained: dict[tuple[Architecture, int], Trained] = {}
        self._scored: dict[Architecture, Scored] = {}
        for text, values in (scores or {}).items():
            assert problem.estimator is not None, "scores come with an estimator"
            architecture = Architecture(problem.space.name, text)
            self._scored[architecture] = Scored(
                architecture, tuple(values), problem.estimator.oriented(values), score_cost_s
            )

    def score(self, architecture: Architecture) -> Scored:
        """The stored scores.

        Raises:
            MissingData: it has not been scored.
        """
        try:
            return self._scored[architecture]
        except KeyError:
            raise MissingData(
                f"the search asks for the scores of {architecture}, which is none of the "
                f"{len(self._scored):,} scored networks; score the whole space, leave out --scores "
                "to score as the search goes, or take a searcher that only draws (random)"
            ) from None

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """The tabulated validation accuracy.

        Args:
            epochs: 0 for the shortest training.

        Raises:
            UserError: there is no table, or none of that length of training.
        """
        key = architecture, epochs
        if key not in self._trained:
            if self._validation is None or self._cost is None:
                raise UserError("the search asks for trainings, but no benchmark is at hand")
            length = self._validation.target(epochs).epochs
            self._trained[key] = Trained(
                architecture,
                self._validation.accuracy(architecture, epochs),
                self._cost.seconds(architecture, length),
            )
        return self._trained[key]

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """See `World`."""
        match request:
            case Score():
                return self._score_cost_s
            case Train():
                return self.train(item, request.epochs).cost_s
        return None
