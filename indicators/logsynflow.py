"""LogSynFlow: synaptic flow with damped gradients."""

from __future__ import annotations

import torch

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.synaptic_flow import synaptic_flow


@indicator(
    title="LogSynFlow",
    formula="sum |W| * ln(1 + dR/d|W|), R = sum of the outputs of the network with weights |W|, "
    "input 1",
    reference="Cavagnero et al., FreeREA: Training-Free Evolution-Based Architecture Search, "
    "WACV 2023",
    needs={Need.GRADIENTS},
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="1 forward, 1 backward",
    class_invariant=True,
    deviations="Over the weights of convolutional and linear layers, as SynFlow here, always "
    "in float64.",
)
def logsynflow(m: Measurement) -> float:
    """SynFlow's sum with the logarithm of each gradient: no layer outweighs the others by powers.

    All batch normalisations are bypassed. Not the logarithm of SynFlow. NaN where a gradient is
    below -1, which takes an activation that decreases.
    """
    return sum(float((weight * torch.log1p(g)).sum()) for weight, g in synaptic_flow(m))
