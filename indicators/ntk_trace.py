"""Trace norm of the tangent kernel of all classes, exactly."""

from __future__ import annotations

from torch import Tensor

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.logit_gradients import squared_norms


@indicator(
    title="NTK trace norm",
    formula="(1/B) sum_x sum_k || d f_k(x)/d theta ||_2^2 over all parameters",
    reference="Shu et al., NASI: Label- and Data-agnostic NAS at Initialization, ICLR 2022, eq. 9",
    needs={Need.GRADIENTS},
    protocol=Protocol(batch_size=16, labels="none"),
    cost="1 forward, B K backward",
    family=Family.NASI,
    deviations="Divided by the batch size. The paper's search uses the approximation (see nasi) "
    "and its main text names no batch for the exact norm; 16 is this project's choice.",
)
def ntk_trace(m: Measurement) -> float:
    """The kernel is positive semi-definite, so its trace norm is its trace: no eigenvalues.

    B times classes backward passes through the batch statistics. Biases and batch-norm shifts
    count, also the shift of a batch norm fed by zeros; so architectures of one function may differ.
    """
    logits: Tensor = forward(m).logits
    return squared_norms(m, logits.flatten()) / logits.shape[0]
