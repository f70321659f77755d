"""NASI: the trace norm of the neural tangent kernel, approximated by one loss gradient."""

from __future__ import annotations

import torch

from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.forward import as_real
from untrained.indicators.quantities.loss_gradients import loss_gradients


@indicator(
    title="NASI",
    formula="|| d(mean_B L)/d theta ||_2^2 over all parameters",
    reference="Shu et al., NASI: Label- and Data-agnostic NAS at Initialization, ICLR 2022, eq. 12",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.NASI,
    deviations="The raw trace approximation, larger is better; the constrained objective "
    "R = T - mu max(0, T - nu) is a matter of the search.",
)
def nasi(m: Measurement) -> float:
    """Squared norm of the gradient of the mean mini-batch cross-entropy, over all parameters.

    Lower-bounds the NTK's trace norm up to a constant (eqs. 10-12). Biases and batch-norm
    parameters count, also the shift of a batch norm fed by zeros; so architectures of one function
    may differ.
    """
    gradients = [as_real(gradient) for gradient in loss_gradients(m).values()]
    return sum(numbers(square.sum() for square in torch._foreach_mul(gradients, gradients)))
