"""Weighted vote of any indicators on every pair of candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.copeland import copeland_scores
from untrained.results.aggregates.member_scores import MemberScores
from untrained.results.aggregates.parameter import Parameter


@aggregate(
    title="Weighted vote",
    formula="pairs won minus pairs lost, a pair decided by the larger weight of members",
    reference="a variant of Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021 "
    "(vote), of this project",
    parameters={
        "weights": Parameter(
            meaning="weight of each member's vote, in their order", per_member=True, positive=True
        )
    },
)
def weighted_vote(scores: MemberScores, *, weights: tuple[float, ...]) -> NDArray[np.int64]:
    """The majority vote with weights that the user gives: nothing is learnt from accuracies.

    From -(n - 1) to n - 1 for n candidates. A pair whose two sides weigh the same up to 1e-12 of
    the whole counts for neither.
    """
    return copeland_scores(scores.oriented, np.array(weights))
