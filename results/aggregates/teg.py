"""TEG-NAS: trainability, expressivity and generalisation, as the sum of three ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.candidate_ranks import Ties, ranks, ties_parameter
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="TEG-NAS",
    formula="rank of -kappa + rank of R + rank of -G, 1 = worst",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, evolution",
    members=("ntk_condition", "linear_regions", "ntk_generalization"),
    parameters={"ties": ties_parameter("best")},
    deviations="Of the whole population, as the authors' evolution reports it; within a run it "
    "ranks tournaments, and their policy gradient sums changes instead. A failed member leaves no "
    "value, where their code sets kappa and G of a bad architecture to the worst seen so far; "
    "with diverged = last it ranks behind all in that member.",
)
def teg(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """The authors count from the best, where equal scores share the best rank, and take the least.

    Counted from the worst, 1 to m, that is the same order reversed.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)
