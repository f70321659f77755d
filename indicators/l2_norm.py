"""L2 norm: how large the weights are at initialisation."""

from __future__ import annotations

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Family, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.layer_weights import layer_weights


@indicator(
    title="L2 norm of weights",
    formula="sum over conv and linear layers of ||W_l||_2",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021; as a baseline "
    "in Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022",
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="none",
    family=Family.BASELINE,
)
def l2_norm(m: Measurement) -> float:
    """Sum over layers of the Euclidean norm of the initial weights: a measure of size alone.

    Raises:
        Unsupported: the network has no convolutional or linear layer.
    """
    weights = layer_weights(m)
    if not weights:
        raise Unsupported("the network has no convolutional or linear layer")
    return sum(float(weight.detach().norm()) for weight in weights.values())
