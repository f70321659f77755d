"""Majority vote of any indicators on every pair of candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.copeland import copeland_scores
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="Majority vote",
    formula="pairs won minus pairs lost, a pair decided by the majority of members",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021 (vote); "
    "Copeland, 1951, for the order of all candidates",
    deviations="The authors let synflow, jacob_cov and snip decide pairs and describe no order of "
    "all candidates; majorities can be cyclic, and the Copeland score is an order for any.",
)
def majority_vote(scores: MemberScores) -> NDArray[np.int64]:
    """From -(n - 1) to n - 1 for n candidates, in whole numbers.

    A member with equal scores for both does not vote; a pair on which votes are even, as an even
    number of members often leaves it, counts for neither. Equal counts are exact ties.
    """
    return copeland_scores(scores.oriented, np.ones(scores.raw.shape[1]))
