"""Condition number of the tangent kernel: how unevenly gradient descent learns at the start."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.logit_gradients import sum_logit_gradients
from untrained.indicators.quantities.tangent_kernel import condition_number, kernel

PROTOCOL = Protocol(batch_size=32, labels="none", channels=3, cells=1)


@indicator(
    title="NTK condition number",
    formula="lambda_max / lambda_min of K, K[i,j] = <g_i, g_j>, g_i = d(sum_k f_k(x_i))/dW",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, eq. 3",
    needs={Need.GRADIENTS},
    higher_is_better=False,
    protocol=PROTOCOL,
    cost="1 forward, B backward",
    family=Family.TE_NAS,
    class_invariant=True,
    deviations="Eigenvalues in float64, and a singular kernel has no score; the authors' float32 "
    "solver can give a negative condition number, which then looks excellent. One evaluation: "
    "average over seeds for their three repeats. Weights as the protocol's initialisation draws "
    "them: the paper's Kaiming-normal re-initialisation has no effect in the authors' code. The "
    "batch is the paper's 32 (the code's launcher: 72).",
)
def ntk_condition(m: Measurement) -> float:
    """Kappa of the kernel of the summed logits, which TE-NAS calls trainability.

    W: all parameters named `weight` (convolutions, batch-norm gains, the classifier), no biases.
    In train mode the gradients run through the batch statistics, so g_i sees the whole batch: B
    backward passes. The sum of the logits makes the kernel B x B instead of that of all classes.
    """
    gradients = sum_logit_gradients(m)
    return condition_number(kernel(gradients, gradients), m.dtype)
