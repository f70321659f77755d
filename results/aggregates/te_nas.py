"""TE-NAS: trainability and expressivity, as the sum of two ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.candidate_ranks import Ties, ranks, ties_parameter
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="TE-NAS",
    formula="rank of -kappa + rank of R, 1 = worst",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, section 3 and Fig. 9",
    members=("ntk_condition", "linear_regions"),
    parameters={"ties": ties_parameter("dense")},
    deviations="Ranks of whole architectures, as the paper correlates them; the search ranks "
    "operators by the changes they make. Dense ranks are those of the search. A singular kernel "
    "has no kappa and the architecture no value, where the authors' code sets kappa to 1e5, which "
    "some real ones exceed; with diverged = last it ranks behind all in kappa.",
)
def te_nas(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """The paper counts from the best and takes the smallest sum: the same order reversed.

    For dense ranks that is exact too. Several seeds, averaged before ranks are taken, stand for
    the authors' repeats.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)
