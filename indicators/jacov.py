"""Covariance of input Jacobians: jacov, and EPE-NAS by class."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers, on_cpu
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.input_jacobian import input_jacobian
from untrained.indicators.quantities.loss_gradients import class_labels

_K = 1e-5
_CONSTANT = "a row of the input Jacobian is constant"


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
    return correlation_score(input_jacobian(m), _CONSTANT)


def correlation_score(rows: Tensor, constant: str) -> float:
    """-sum_i ( ln(v_i + k) + 1/(v_i + k) ) of the eigenvalues of the rows' correlations.

    Raises:
        Diverged: a row is constant, as the text says that was given.
    """
    [correlation] = on_cpu([torch.corrcoef(rows.double())])
    if not torch.isfinite(correlation).all():
        raise Diverged(f"{constant}, so it has no correlation")
    values = torch.linalg.eigvalsh(correlation).clamp(min=0)  # rounding can leave -1e-16
    return -float((torch.log(values + _K) + 1 / (values + _K)).sum())


_MANY_CLASSES = 100


@indicator(
    title="EPE-NAS",
    formula="sum_c |e_c|, e_c = sum_ij ln( |corr(J_c)_ij| + k ), k = 1e-5; more than 100 classes: "
    "sum_(c<c') |e_c - e_c'| / C with e_c divided by the class's samples",
    reference="Lopes et al., EPE-NAS: Efficient Performance Estimation Without Training for NAS, "
    "ICANN 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=256),
    cost="1 forward, 1 backward",
    class_invariant=True,
    deviations="A network with a sample of constant Jacobian has no score; the authors' code skips "
    "the class where an exception is raised and lets NaN through otherwise.",
)
def epe_nas(m: Measurement) -> float:
    """Score of the correlation matrices of the input Jacobian's rows, one matrix a class.

    J is the gradient of the summed logits, one row a sample; C the number of classes in the batch.
    A class of one sample adds ln(1 + k), next to nothing. O(B) rows, one backward pass.

    Raises:
        Unsupported: there are no labels, or one is no class of the network.
        Diverged: a row is constant (a dead network), so that it has no correlation.
    """
    labels = class_labels(m)
    sizes = [size for _, size in sorted(Counter(labels.tolist()).items())]
    rows = input_jacobian(m).double()[torch.argsort(labels, stable=True)]
    norms, sums = zip(*map(_of_class, torch.split(rows, sizes)), strict=True)
    *found, smallest = numbers([*sums, torch.cat(norms).min()])
    if not smallest > 0:
        raise Diverged(f"{_CONSTANT}, so it has no correlation")
    many = forward(m).logits.shape[1] > _MANY_CLASSES
    scores = [score / size if many else score for score, size in zip(found, sizes, strict=True)]
    if many:
        return sum(abs(a - b) for a, b in combinations(scores, 2)) / len(scores)
    return sum(abs(score) for score in scores)


def _of_class(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The norms of the centred rows of a class, and the sum of its correlations' logarithms."""
    centred = rows - rows.mean(1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    unit = centred / norms
    return norms, torch.log((unit @ unit.t()).abs() + _K).sum()
