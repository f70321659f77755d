"""EPE-NAS: how the input Jacobian correlates within each class."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.input_jacobian import input_jacobian
from untrained.indicators.reading import Diverged

_K = 1e-5
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
        Diverged: a row is constant (a dead network), so that it has no correlation.
    """
    jacobian = input_jacobian(m).double()
    labels = m.labels
    many = forward(m).logits.shape[1] > _MANY_CLASSES
    scores = []
    for label in torch.unique(labels):
        score = _class_score(jacobian[labels == label])
        scores.append(score / int((labels == label).sum()) if many else score)
    if many:
        return sum(abs(a - b) for a, b in combinations(scores, 2)) / len(scores)
    return sum(abs(score) for score in scores)


def _class_score(rows: Tensor) -> float:
    centred = rows - rows.mean(1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    if not (norms > 0).all():
        raise Diverged("a row of the input Jacobian is constant, so it has no correlation")
    unit = centred / norms
    return float(torch.log((unit @ unit.t()).abs() + _K).sum())
