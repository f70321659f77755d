"""Votes of indicators: majority, weighted, SJW and SPW of WRCor, Copeland."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import Parameter
from untrained.results.aggregates.aggregate import MemberScores, aggregate
from untrained.results.statistics.rank_correlation import dense_ranks


@aggregate(
    title="Majority vote",
    formula="pairs won minus pairs lost, a pair decided by the majority of members",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021 (vote); "
    "Copeland, 1951, for the order of all candidates",
    deviations="The authors let synflow, jacob_cov and snip decide pairs and describe no order of "
    "all candidates; majorities can be cyclic, and the Copeland score is an order for any.",
)
def majority_vote(scores: MemberScores) -> NDArray[np.int64]:
    """Count pairs won minus pairs lost, from -(n - 1) to n - 1 for n candidates.

    A member with equal scores for both does not vote; a pair on which votes are even, as an even
    number of members often leaves it, counts for neither. Equal counts are exact ties.
    """
    return copeland_scores(scores.oriented, np.ones(scores.raw.shape[1]))


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
    """Count pairs by weights that the user gives: nothing is learnt from accuracies.

    From -(n - 1) to n - 1 for n candidates. A pair whose two sides weigh the same up to 1e-12 of
    the whole counts for neither.
    """
    return copeland_scores(scores.oriented, np.array(weights))


_WRCOR = (
    "Jing et al., Zero-Shot NAS via the Weighted Response Correlation (WRCor), Neurocomputing "
    "2025, arXiv:2507.08841"
)
_SORTED = (
    "The authors' notebook sorts the candidates by the comparison of two, which for cyclic "
    "majorities depends on their first order; the Copeland score is an order for any. There a pair "
    "counts for a candidate with two votes of three, here also with one vote and two abstentions."
)


@aggregate(
    title="SJW",
    formula="majority vote of synflow, jacov and wrcor",
    reference=_WRCOR,
    members=("synflow", "jacov", "wrcor"),
    deviations=_SORTED,
)
def sjw(scores: MemberScores) -> NDArray[np.int64]:
    """Count pairs won minus pairs lost by SynFlow, the Jacobian covariance and WRCor."""
    return copeland_scores(scores.oriented, np.ones(3))


@aggregate(
    title="SPW",
    formula="majority vote of synflow, l2_norm and wrcor",
    reference=_WRCOR,
    members=("synflow", "l2_norm", "wrcor"),
    deviations="The paper's definition of PNorm, the second member, was not available: the norm of "
    "parameters in the released code, l2_norm, is in its place, and larger counts as better. The "
    "released code has no vote with it. " + _SORTED,
)
def spw(scores: MemberScores) -> NDArray[np.int64]:
    """Count pairs won minus pairs lost by SynFlow, the norm of the weights and WRCor."""
    return copeland_scores(scores.oriented, np.ones(3))


_CELLS = 1 << 16
"""Pairs voted on at a time: what fits the cache of a core."""
_ROUNDING = 1e-12
"""Tolerance of a sum of weights: decimals such as 0.1 + 0.2 - 0.3 do not cancel exactly."""


def copeland_scores(
    oriented: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count how many other candidates each one beats, minus how many beat it.

    Of two candidates the one wins that voters of more weight prefer. A voter with equal scores
    for both does not vote, and with equal weight on both sides neither wins. Copeland, "A
    reasonable social welfare function", 1951.

    Args:
        oriented: larger is better, shape (n, voters); infinite values are legal, NaN are not.
        weights: shape (voters,), positive.

    Returns:
        Shape (n,), from -(n - 1) to n - 1. Time grows with n^2 times voters.
    """
    # neighbours in memory are compared; ranks instead of scores: inf - inf is no number
    voters = [dense_ranks(column).astype(np.int32) for column in oriented.T]
    n = oriented.shape[0]
    none = _ROUNDING * weights.sum()
    scores = np.empty(n, dtype=np.int64)
    height = max(1, _CELLS // n)
    for start in range(0, n, height):
        rows = slice(start, min(n, start + height))
        votes = np.zeros((rows.stop - start, n))
        for ranks, weight in zip(voters, weights, strict=True):
            mine = ranks[rows, None]
            votes += weight * ((mine > ranks).view(np.int8) - (mine < ranks).view(np.int8))
        scores[rows] = np.count_nonzero(votes > none, 1) - np.count_nonzero(votes < -none, 1)
    return scores
