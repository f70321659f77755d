"""Plain: weight times gradient, with its sign."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="Plain",
    formula="sum W * dL/dW over conv and linear weights",
    reference="Mozer and Smolensky, Skeletonization, NeurIPS 1988, as a network score in "
    "Abdelfattah et al., ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
)
def plain(m: Measurement) -> float:
    """Sum of W * dL/dW: the loss's slope when all weights grow in proportion.

    A layer in front of a batch normalisation contributes zero up to rounding, because the loss does
    not depend on its scale; what is left is the contribution of the others.
    """
    return sum(float((weight * gradient).sum()) for weight, gradient in layer_gradients(m))
