"""Jacobian covariance: how differently the network responds around different inputs."""

from __future__ import annotations

import torch

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.input_jacobian import input_jacobian
from untrained.indicators.reading import Diverged

_K = 1e-5


@indicator(
    title="Jacobian covariance",
    formula="-sum_i ( ln(v_i + k) + 1/(v_i + k) ), v: eigenvalues of corr(J), k = 1e-5",
    reference="Mellor et al., arXiv:2006.04647v1, as jacob_cov in Abdelfattah et al., ICLR 2021",
    needs={Need.GRADIENTS},
    protocol=Protocol(batch_size=64, labels="none"),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
    deviations="A symmetric eigensolver in float64; the original's general one can return complex "
    "values.",
)
def jacov(m: Measurement) -> float:
    """Score of the correlation matrix of the input Jacobian's rows, one row a sample.

    At most about -B, where the rows are uncorrelated.

    Raises:
        Unsupported: there is only one sample.
        Diverged: a row is constant (a dead network), so that it has no correlation.
    """
    if m.inputs.shape[0] < 2:
        raise Unsupported("a correlation between samples needs two of them, and the batch has one")
    correlation = torch.corrcoef(input_jacobian(m).double())
    if not torch.isfinite(correlation).all():
        raise Diverged("a row of the input Jacobian is constant, so it has no correlation")
    values = torch.linalg.eigvalsh(correlation).clamp(min=0)  # rounding can leave -1e-16
    return -float((torch.log(values + _K) + 1 / (values + _K)).sum())
