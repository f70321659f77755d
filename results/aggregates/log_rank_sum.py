"""Sum of the logarithms of the candidates' ranks under any indicators."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.candidate_ranks import Ties, ranks, ties_parameter
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="Log-rank sum",
    formula="sum over members of log(rank / m), 1 = worst of m candidates",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024, non-linear "
    "ranking aggregation, for any members",
    parameters={"ties": ties_parameter("average")},
)
def log_rank_sum(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """At most 0. A low rank under one member costs more than a high one under another gains.

    The ranks are multiplied as whole numbers, so that candidates with equal products are exact
    ties and the order of the members changes no bit.
    """
    doubled = np.rint(2 * ranks(scores, ties)).astype(np.int64)
    num_candidates, num_members = doubled.shape
    # of a product, not a sum of logarithms: the best under every member has exactly 0
    largest = math.log((2 * num_candidates) ** num_members)
    return np.array([math.log(math.prod(map(int, row))) - largest for row in doubled])
