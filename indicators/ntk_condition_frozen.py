"""Condition number of the tangent kernel of isolated samples."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.ntk_condition import PROTOCOL
from untrained.indicators.quantities.frozen_normalisation import frozen_gradients
from untrained.indicators.quantities.tangent_kernel import condition_number, kernel


@indicator(
    title="NTK condition number, frozen statistics",
    formula="lambda_max / lambda_min of K, batch normalisation's statistics held constant",
    reference="a variant of Chen et al. (TE-NAS), ICLR 2021, eq. 3, of this project",
    needs={Need.GRADIENTS},
    higher_is_better=False,
    protocol=PROTOCOL,
    cost="2 forward, 1 backward",
    family=Family.TE_NAS,
    class_invariant=True,
    deviations="Not the paper's score: no gradient runs through batch statistics, so one "
    "vectorised backward pass replaces one a sample. The same where no layer uses them.",
)
def ntk_condition_frozen(m: Measurement) -> float:
    """Kappa of the kernel of the summed logits, each sample's gradient taken by itself.

    W: all parameters named `weight`. The forward pass is that of `ntk_condition`.
    """
    gradients = frozen_gradients(m)
    return condition_number(kernel(gradients, gradients), m.dtype)
