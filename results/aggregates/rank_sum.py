"""Sum of the candidates' ranks under any indicators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.candidate_ranks import Ties, ranks, ties_parameter
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="Rank sum",
    formula="sum over members of the rank, 1 = worst",
    reference="Borda count (Borda, 1781)",
    parameters={"ties": ties_parameter("average")},
)
def rank_sum(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """Every member counts the same, and how far apart two scores are does not count.

    Equal sums are exact ties.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)
