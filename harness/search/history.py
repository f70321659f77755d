"""What a search has evaluated."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, cast

from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import Evaluation, Request, Scored, score, train
from untrained.spaces import Architecture


def evaluate(
    architectures: Sequence[Architecture], *, by: str, epochs: int = 0
) -> Generator[Request, Any, list[Evaluation]]:
    """Ask for scores or for trainings.

    Args:
        architectures: what to evaluate.
        by: `scores` or `accuracy`.
        epochs: of a training; 0 is the shortest.

    Yields:
        The request.

    Returns:
        One evaluation each, for `Problem.fitness` and `Problem.best`.
    """
    if by == "scores":
        return cast("list[Evaluation]", (yield from score(architectures)))
    return cast("list[Evaluation]", (yield from train(architectures, epochs)))


class History:
    """Evaluated networks in order; of equally good ones the first is the best.

    Where scores are an aggregate that depends on its candidates, the candidates are all networks
    of the history, so that an earlier one may become the best again.
    """

    def __init__(self, problem: Problem) -> None:
        """Begin with nothing.

        Args:
            problem: compares evaluations.
        """
        self.evaluations: list[Evaluation] = []
        self._problem = problem
        self._best: Evaluation | None = None

    def add(self, evaluation: Evaluation) -> None:
        """Append one."""
        self.evaluations.append(evaluation)
        if self._best is None:
            self._best = evaluation
            return
        candidates = self.evaluations if self._is_relative() else [self._best, evaluation]
        self._best = candidates[self._problem.best(candidates)]

    @property
    def best(self) -> Evaluation:
        """The best; the first where none has a value."""
        assert self._best is not None, "nothing has been evaluated"
        return self._best

    def latest_value(self) -> float:
        """What the last network is worth to a learner; NaN if it has no value.

        An aggregate of ranks is taken among all networks so far and divided by their number, so
        that it does not grow with the history.
        """
        if self._is_relative():
            return float(self._problem.fitness(self.evaluations)[-1] / len(self.evaluations))
        return float(self._problem.fitness(self.evaluations[-1:])[0])

    def _is_relative(self) -> bool:
        estimator = self._problem.estimator
        return (
            isinstance(self.evaluations[-1], Scored)
            and estimator is not None
            and estimator.is_relative
        )
