"""Condition number of the tangent kernel of all classes."""

from __future__ import annotations

from torch import Tensor

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.ntk_condition import PROTOCOL
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.logit_gradients import rows_of, weights_of
from untrained.indicators.quantities.tangent_kernel import condition_number, kernel


@indicator(
    title="NTK condition number, all classes",
    formula="lambda_max / lambda_min of K, K[ik,jl] = <d f_k(x_i)/dW, d f_l(x_j)/dW>",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, eq. 3, of the network with all its outputs",
    needs={Need.GRADIENTS},
    higher_is_better=False,
    protocol=PROTOCOL,
    cost="1 forward, B K backward",
    family=Family.TE_NAS,
    class_invariant=True,
    deviations="The kernel of the multi-output network, where the authors' code takes that of the "
    "summed logits (ntk_condition). The same weights, batch and network as there. A singular "
    "kernel has no score.",
)
def ntk_condition_full(m: Measurement) -> float:
    """Kappa of the (B classes) x (B classes) kernel: B times classes backward passes.

    W: all parameters named `weight`. All gradients are held at once. The logits are linear in the
    features, so the rank is at most features times (B + classes), and the kernel is singular where
    that is less than B times classes, as with a hundred classes on a narrow network.

    Raises:
        Unsupported: no parameter is named `weight`.
        Diverged: the kernel is singular.
    """
    logits: Tensor = forward(m).logits
    gradients = rows_of(logits.flatten(), weights_of(m))
    return condition_number(kernel(gradients, gradients), m.dtype)
