"""Search objectives made of trace norms of the kernel: those of NASI and HNAS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import Parameter
from untrained.results.aggregates.aggregate import MemberScores, aggregate


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
    """Compute R, which rises up to nu; above it R is flat for mu = 1 and falls for mu > 1.

    Written so that mu = 1 gives exactly nu for every T above it, an infinite one too.
    """
    T = scores.column(0)
    return np.minimum(T, nu) - ((mu - 1) * np.maximum(0, T - nu) if mu != 1 else 0)


_EPSILON = 1e-6


@aggregate(
    title="HNAS",
    formula="mu |M^2 - nu^2| + kappa / (M + 1e-6), M and kappa: trace norm and condition number of "
    "the label-logit kernel",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), "
    "NeurIPS 2022",
    members=("ntk_trace_label", "ntk_condition_label"),
    parameters={
        "mu": Parameter(meaning="weight of the distance to the target", default=0.01),
        "nu": Parameter(meaning="the target, in the unit of M", default=2500.0),
    },
    relative=False,
    higher_is_better=False,
    deviations="The authors tune mu and nu with accuracies of trained networks; nothing is trained "
    "here. The defaults are the mu of their first probes and the middle of their range of nu, both "
    "on NAS-Bench-201. A singular kernel leaves no value, where their code sets kappa to 1e5.",
)
def hnas(scores: MemberScores, *, mu: float, nu: float) -> NDArray[np.float64]:
    """Compute the objective; lower is better."""
    M, kappa = scores.column(0), scores.column(1)
    return mu * np.abs(M**2 - nu**2) + kappa / (M + _EPSILON)
