"""AZ-NAS: four scores, as the sum of their log-ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.log_rank_sum import log_rank_sum
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="AZ-NAS",
    formula="sum over E, P, T and FLOPs of log(rank / m), 1 = worst of m candidates, ties average",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024, non-linear "
    "ranking aggregation",
    members=("az_expressivity", "az_progressivity", "az_trainability", "flops"),
    deviations="Equal products of ranks are exact ties.",
)
def az_nas(scores: MemberScores) -> NDArray[np.float64]:
    """At most 0: a candidate that is best in all four.

    A trainability of -inf, for a cell that hands gradients on unchanged, ranks last.
    """
    return np.asarray(log_rank_sum.function(scores, ties="average"), dtype=np.float64)
