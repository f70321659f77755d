"""Evaluators answer the requests of searchers; the tabular one looks answers up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from untrained.foundation import MissingData, UserError
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    Answer,
    CostlyRequest,
    Gradient,
    Score,
    Scored,
    ScoredSupernet,
    ScoreSupernet,
    SupernetGradient,
    Train,
    Trained,
)
from untrained.spaces import Architecture

if TYPE_CHECKING:
    from untrained.harness.search.evaluators.trainings import Trainings


class Evaluator(ABC):
    """Answers requests item by item. An evaluator has no test accuracies, so it gives none."""

    problem: Problem
    """The part of the evaluator that searchers see."""
    measured_on: str = ""
    """Device and threads of the seconds that it measures; empty where it looks costs up."""
    trainings: Trainings | None = None
    """Looks trainings up; None: there are none."""

    @abstractmethod
    def score(self, architecture: Architecture) -> Scored:
        """Return the scores of one network."""

    def score_draws(self, architecture: Architecture, draws: int) -> Scored:
        """Return the scores of one network with several draws of the weights.

        Raises:
            UserError: this evaluator has one draw alone.
        """
        raise UserError(
            f"cannot score {architecture} with {draws} draws of the weights: only one is at hand. "
            "Set draws=1."
        )

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Return the validation accuracy of one network.

        Args:
            epochs: length of the training; 0 is the shortest of the benchmark.

        Raises:
            UserError: there is no benchmark, or none of that length of training.
        """
        if self.trainings is None:
            raise UserError("the search asks for trainings, but no benchmark is at hand")
        return self.trainings.train(architecture, epochs)

    def score_supernet(self, mask: str, draw: int) -> ScoredSupernet:
        """Return the scores of one restricted supernet.

        Raises:
            UserError: this evaluator has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        """Return an objective of the supernet and its gradient.

        Raises:
            UserError: this evaluator has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def prepare(self, request: CostlyRequest) -> None:  # noqa: B027 - most evaluators need not
        """Receive a whole request before its items are evaluated one by one."""

    @abstractmethod
    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return the cost of one item of a request in seconds; None if not known in advance."""

    def answer(self, request: CostlyRequest, item: Any) -> Answer:
        """Answer one item of a request."""
        match request:
            case Score():
                one = request.draws == 1
                return self.score(item) if one else self.score_draws(item, request.draws)
            case Train():
                return self.train(item, request.epochs)
            case ScoreSupernet():
                return self.score_supernet(item, request.draw)
            case SupernetGradient():
                return self.supernet_gradient(request)


def _no_supernet(space: str) -> str:
    return (
        f"the search measures a supernet of {space!r}, which cannot be read off stored scores; "
        "leave out --scores, so that it is measured as the search goes"
    )


class TabularEvaluator(Evaluator):
    """Looks scores and trainings up; each costs what it cost when it was measured."""

    def __init__(
        self,
        problem: Problem,
        *,
        scores: Mapping[str, Sequence[float]] | None = None,
        score_cost_s: float = 0.0,
        trainings: Trainings | None = None,
        draws: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ) -> None:
        """Index the scores.

        Args:
            scores: by architecture, one per indicator of the problem's estimator.
            score_cost_s: seconds of one network's scores.
            draws: by architecture, as `scores` for each draw of the weights.
        """
        self.problem = problem
        self.trainings = trainings
        self._score_cost_s = score_cost_s
        self._draws = draws or {}
        self._scored: dict[str, Scored] = {}
        for text, values in (scores or {}).items():
            assert problem.estimator is not None, "scores come with an estimator"
            architecture = Architecture(problem.space.name, text)
            self._scored[text] = Scored(
                architecture, tuple(values), problem.estimator.oriented(values), score_cost_s
            )

    def score(self, architecture: Architecture) -> Scored:
        """Return the stored scores.

        Raises:
            MissingData: the network has not been scored.
        """
        try:
            return self._scored[architecture.text]
        except KeyError:
            raise MissingData(
                f"the search asks for the scores of {architecture}, which is none of the "
                f"{len(self._scored):,} scored networks; score the whole space, leave out --scores "
                "to score as the search goes, or take a searcher that only draws (random)"
            ) from None

    def score_draws(self, architecture: Architecture, draws: int) -> Scored:
        """Return the stored scores of the first draws.

        Raises:
            MissingData: the network has not been scored so often.
        """
        found = tuple(map(tuple, self._draws.get(architecture.text, ())))[:draws]
        if len(found) < draws:
            raise MissingData(
                f"the search asks for {draws} draws of the scores of {architecture}, of which "
                f"{len(found)} are stored. Score further seeds (untrained score --seeds), or set "
                "fewer draws."
            )
        values = tuple(sum(of_one) / draws for of_one in zip(*found, strict=True))
        assert self.problem.estimator is not None, "scores come with an estimator"
        oriented = self.problem.estimator.oriented(values)
        return Scored(architecture, values, oriented, draws * self._score_cost_s, found)

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return the stored cost."""
        match request:
            case Score():
                return request.draws * self._score_cost_s
            case Train():
                return self.train(item, request.epochs).cost_s
        return None
