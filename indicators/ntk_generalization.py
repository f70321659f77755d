"""Kernel regression with the tangent kernel: the error it predicts on a second batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.logit_gradients import (
    rows_of,
    sum_logit_gradients,
    weights_of,
)
from untrained.indicators.quantities.tangent_kernel import kernel, spectrum


@indicator(
    title="NTK generalisation error",
    formula="mean_s sum_k (K_yx K_xx^-1 Y_x - Y_y)[s,k]^2, Y: one-hot labels minus their mean",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, generalization",
    needs={Need.LABELS, Need.GRADIENTS, Need.SECOND_BATCH, Need.CELLS},
    higher_is_better=False,
    protocol=Protocol(batch_size=64, num_batches=2, channels=3, cells=1),
    cost="2 forward, 2 B backward",
    family=Family.TE_NAS,
    class_invariant=True,
    deviations="A singular kernel has no score; the authors' code returns -1, which their averages "
    "take for a good value. The second batch is the protocol's, where their evolutionary search "
    "takes the test split. Solved in float64 by Cholesky, not by an inverse. Weights as the "
    "protocol's initialisation draws them, as in effect there.",
)
def ntk_generalization(m: Measurement) -> float:
    """Squared error of ridgeless NTK regression from the first batch x to the second batch y.

    The kernel is that of the summed logits over the weights of the cells (names that contain
    `cell` and `weight`: no stem, last batch norm or classifier). Predicting zero costs about
    1 - 1/classes.

    Raises:
        Unsupported: there is no second batch with labels, the labels do not fit the network, or no
            parameter belongs to a cell.
        Diverged: the kernel is singular.
    """
    names = weights_of(m, within="cell")
    targets = m.labels
    second, held_out = m.batches[1] if len(m.batches) > 1 else (None, None)
    if second is None or held_out is None:
        raise Unsupported("the generalisation error needs a second batch with labels")
    logits = logits_of(m.network, second.clone())
    Y_x, Y_y = _centred(targets, logits.shape[1]), _centred(held_out, logits.shape[1])
    C_x = {name: rows for name, rows in sum_logit_gradients(m).items() if name in names}
    C_y = rows_of(logits.sum(1), names)
    K_xx, K_yx = kernel(C_x, C_x), kernel(C_y, C_x)
    spectrum(K_xx, m.dtype)
    factor = torch.linalg.cholesky(K_xx)
    error = K_yx @ torch.cholesky_solve(Y_x, factor) - Y_y
    return float(error.square().sum(1).mean())


def _centred(labels: Tensor, num_classes: int) -> Tensor:
    """One-hot labels minus the batch's mean, (B, classes) float64."""
    if int(labels.max()) >= num_classes or int(labels.min()) < 0:
        raise Unsupported(
            f"the labels run from {int(labels.min())} to {int(labels.max())} but the network has "
            f"{num_classes} classes"
        )
    one_hot = functional.one_hot(labels, num_classes).double()
    return one_hot - one_hot.mean(0)
