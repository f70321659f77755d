"""Trace norm of TE-NAS's tangent kernel, that of the summed logits."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.ntk_condition import PROTOCOL
from untrained.indicators.quantities.logit_gradients import sum_logit_gradients


@indicator(
    title="NTK trace norm, summed logits",
    formula="(1/B) sum_i || d(sum_k f_k(x_i))/dW ||_2^2",
    reference="the trace of the kernel of Chen et al. (TE-NAS), ICLR 2021, eq. 3; a variant of "
    "this project",
    needs={Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="1 forward, B backward",
    family=Family.NASI,
    class_invariant=True,
    deviations="TE-NAS uses its kernel's condition number only.",
)
def ntk_trace_sumlogit(m: Measurement) -> float:
    """Mean squared norm of the gradients whose kernel `ntk_condition` looks at.

    W: all parameters named `weight`, no biases.
    """
    gradients = sum_logit_gradients(m)
    num_samples = m.inputs.shape[0]
    return sum(float(rows.double().square().sum()) for rows in gradients.values()) / num_samples
