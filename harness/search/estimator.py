"""The objective of searches by scores: one indicator, or an aggregate of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.foundation import UserError
from untrained.harness.search.requests import Scored
from untrained.indicators import indicators
from untrained.results.aggregates import BoundAggregate, MemberScores, aggregates

SEVERAL = "rank_sum"
"""The default aggregate of several indicators."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimator:
    """The indicators that are scored, in order, and how several become one number."""

    indicators: tuple[str, ...]
    higher_is_better: Mapping[str, bool] = field(hash=False)
    aggregate: BoundAggregate | None = None
    """None: the score of the only indicator counts."""

    @property
    def name(self) -> str:
        """The name in tables."""
        if self.aggregate is None:
            return self.indicators[0]
        if self.aggregate.is_standard:
            return self.aggregate.name
        return f"{self.aggregate.name}({','.join(self.indicators)})"

    @property
    def is_relative(self) -> bool:
        """Whether a fitness can be compared only among the same candidates."""
        return self.aggregate is not None and self.aggregate.aggregate.relative

    def oriented(self, values: Sequence[float]) -> tuple[float, ...]:
        """Negate the scores where smaller is better."""
        return tuple(
            value if self.higher_is_better[name] else -value
            for name, value in zip(self.indicators, values, strict=True)
        )

    def fitness(self, scored: Sequence[Scored]) -> NDArray[np.float64]:
        """Compute one number per network, larger is better; NaN if a score is missing.

        An aggregate takes its ranks among these networks.
        """
        if self.aggregate is None:
            return np.array([one.oriented[0] for one in scored], dtype=np.float64)
        values = np.array([one.values for one in scored], dtype=np.float64)
        fitness = np.full(len(scored), np.nan)
        complete = ~np.isnan(values).any(axis=1)
        if complete.any():
            # as a table computes it, without the labels, which would take most of the time here
            candidates = MemberScores(
                pd.DataFrame(values[complete], columns=list(self.indicators)), self.higher_is_better
            )
            aggregate = self.aggregate.aggregate
            found = aggregate.function(candidates, **self.aggregate.parameters)
            fitness[complete] = found if aggregate.higher_is_better else -found
        fitness[fitness == np.inf] = np.nan  # an accident, as in a table
        return fitness


def find_estimator(names: Sequence[str]) -> Estimator:
    """Find the estimator of one indicator, several, or an aggregate with its members.

    Args:
        names: ids of indicators; or the id of an aggregate, followed by the indicators that it
            combines instead of its own. Several indicators without an aggregate are summed by rank.

    Raises:
        UnknownName: neither an indicator nor an aggregate has that name.
        MalformedInput: the aggregate needs another number of members.
        UserError: `names` is empty.
    """
    if not names:
        raise UserError(
            "the search asks for scores and no indicator is named; give one with --indicator, "
            "several (A,B,C) for the sum of their ranks, or an aggregate (untrained list "
            "indicators, untrained list aggregates)"
        )
    first, *others = names
    if first in aggregates and first not in indicators:
        bound = BoundAggregate.of(aggregates[first], members=others)
    elif others:
        bound = BoundAggregate.of(aggregates[SEVERAL], members=names)
    else:
        bound = None
    chosen = (first,) if bound is None else bound.members
    return Estimator(chosen, {name: indicators[name].higher_is_better for name in chosen}, bound)
