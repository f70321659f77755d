"""Ranks of candidates under each member of an aggregate."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from untrained.results.aggregates.member_scores import MemberScores
from untrained.results.aggregates.parameter import Parameter

Ties = Literal["average", "dense", "best"]

_METHODS: dict[Ties, Literal["average", "dense", "max"]] = {
    "average": "average",
    "dense": "dense",
    "best": "max",  # counted from the worst, the best rank of equal values is the largest
}


def ties_parameter(default: Ties) -> Parameter:
    """How equal scores rank, as a parameter."""
    return Parameter(
        meaning="rank of equal scores: the average of theirs, one for all and the next number for "
        "the next score (dense), or the best of theirs",
        default=default,
        choices=tuple(_METHODS),
    )


def ranks(scores: MemberScores, ties: Ties) -> NDArray[np.float64]:
    """Ranks under each member, 1 for the worst candidate.

    Args:
        scores: without NaN; infinite scores rank first or last.
        ties: `average` (1, 2.5, 2.5, 4), `dense` (1, 2, 2, 3) or `best` (1, 3, 3, 4).

    Returns:
        Shape (architectures, members); halves at the finest, so that sums are exact.
    """
    found = rankdata(scores.oriented, method=_METHODS[ties], axis=0)
    return np.asarray(found, dtype=np.float64)
