"""NASI's search objective: a trace norm that should be large, but not above a limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import Parameter
from untrained.results.aggregates.aggregate import aggregate
from untrained.results.aggregates.member_scores import MemberScores


@aggregate(
    title="NASI, constrained",
    formula="R = T - mu max(0, T - nu), T: nasi",
    reference="Shu et al., NASI: Label- and Data-agnostic NAS at Initialization, ICLR 2022, "
    "search objective (eqs. 8 and 13)",
    members=("nasi",),
    parameters={
        "mu": Parameter(meaning="penalty for exceeding nu", default=2.0),
        "nu": Parameter(meaning="the limit, in the unit of T", default=100.0),
    },
    relative=False,
    deviations="The defaults are those of NASI-FIX on the DARTS space; the paper also adapts nu, "
    "which is not offered.",
)
def nasi_constrained(scores: MemberScores, *, mu: float, nu: float) -> NDArray[np.float64]:
    """Rises up to nu; above it R is flat for mu = 1 and falls for mu > 1, for 2 as it rose.

    Written so that mu = 1 gives exactly nu for every T above it.
    """
    T = scores.column(0)
    return np.minimum(T, nu) - (mu - 1) * np.maximum(0, T - nu)
