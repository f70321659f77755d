"""Gradient norm: how strongly the loss pulls on each layer."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="Gradient norm",
    formula="sum over conv and linear layers of ||dL/dW_l||_2",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
)
def grad_norm(m: Measurement) -> float:
    """Sum over layers of the Euclidean norm of the loss gradient (L: mean cross-entropy)."""
    return sum(float(gradient.norm()) for _, gradient in layer_gradients(m))
