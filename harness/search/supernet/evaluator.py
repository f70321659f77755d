"""A world that measures the supernet as a search goes."""

from __future__ import annotations

import time
from typing import Any

from untrained.foundation import UserError
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    CostlyRequest,
    Gradient,
    Scored,
    ScoredSupernet,
    ScoreSupernet,
    SupernetGradient,
    Trained,
)
from untrained.harness.search.supernet.meter import SupernetMeter
from untrained.spaces import Architecture


class SupernetWorld(World):
    """Answers cost the seconds that they take, and single networks are another world's matter."""

    def __init__(
        self,
        problem: Problem,
        meter: SupernetMeter,
        *,
        singles: World | None = None,
        measured_on: str = "",
    ) -> None:
        """Say what is measured.

        Args:
            singles: answers what is asked about single networks; None: nothing may be asked.
        """
        self.problem = problem
        self.measured_on = measured_on
        self._meter = meter
        self._singles = singles

    def score(self, architecture: Architecture) -> Scored:
        """The scores of one network.

        Raises:
            UserError: this world knows supernets alone.
        """
        return self._other("scores").score(architecture)

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """The validation accuracy of one network.

        Raises:
            UserError: this world knows supernets alone.
        """
        return self._other("trainings").train(architecture, epochs)

    def score_supernet(self, mask: str, draw: int) -> ScoredSupernet:
        """The scores of one restricted supernet.

        Raises:
            UserError: no indicator is chosen, or one does not exist for such a network.
        """
        estimator = self.problem.estimator
        if estimator is None:
            raise UserError(
                "the search scores supernets and no indicator is named; give --indicator, the "
                "aggregate te_nas for instance"
            )
        began = time.perf_counter()
        values = self._meter.scores(mask, estimator.indicators, draw)
        cost_s = time.perf_counter() - began
        return ScoredSupernet(mask, values, estimator.oriented(values), cost_s)

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        """NASI's objective and its gradient.

        Args:
            request: weights, draw, and as options `batch` and `labels`.
        """
        began = time.perf_counter()
        value, gradient = self._meter.gradient(request.weights, request.draw, **request.options)
        return Gradient(value, gradient, time.perf_counter() - began)

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """See `World`."""
        if isinstance(request, ScoreSupernet | SupernetGradient) or self._singles is None:
            return None
        return self._singles.price_s(request, item)

    def _other(self, asked: str) -> World:
        if self._singles is None:
            raise UserError(
                f"the search asks for {asked} of single networks, but only the supernet of "
                f"{self.problem.space.name!r} is measured here; take te_nas or nasi"
            )
        return self._singles
