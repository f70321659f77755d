"""What answers a searcher's requests, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from untrained.foundation import UserError
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


class World(ABC):
    """Answers one thing at a time. It never gives a test accuracy: it does not have any."""

    problem: Problem
    """What searchers see of it."""
    measured_on: str = ""
    """Device and threads of the seconds that it measures; empty where it looks costs up."""

    @abstractmethod
    def score(self, architecture: Architecture) -> Scored:
        """The scores of one network."""

    @abstractmethod
    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """The validation accuracy of one network."""

    def score_supernet(self, mask: str, draw: int) -> ScoredSupernet:
        """The scores of one restricted supernet.

        Raises:
            UserError: this world has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        """An objective of the supernet and its gradient.

        Raises:
            UserError: this world has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def prepare(self, request: CostlyRequest) -> None:  # noqa: B027 - most worlds need not
        """Hear of a whole request before its parts are asked for one by one."""

    @abstractmethod
    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """What one part of a request will cost; None where that is only known afterwards."""

    def answer(self, request: CostlyRequest, item: Any) -> Answer:
        """The answer to one part of a request."""
        match request:
            case Score():
                return self.score(item)
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
