"""SNIP: connection sensitivity, summed over the network."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="SNIP",
    formula="sum |W * dL/dW| over conv and linear weights",
    reference="Lee et al., SNIP, ICLR 2019, as a network score in Abdelfattah et al., ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
)
def snip(m: Measurement) -> float:
    """Sum of |W * dL/dW|: the loss gradient of a multiplicative mask of ones on every weight."""
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in layer_gradients(m))
