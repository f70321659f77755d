"""Multiply-accumulates of one forward pass."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from untrained.indicators.indicator import Family, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.substituted import Substituted


@indicator(
    title="FLOPs (multiply-accumulates)",
    formula="multiply-accumulates of convolutions and matrix products, one input",
    reference="trivial baseline",
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="1 forward",
    family=Family.BASELINE,
    follows_initialisation=False,
    deviations="Additions, pooling, normalisation and activations are not counted.",
)
def flops(m: Measurement) -> float:
    """Multiply-accumulates (half of the floating-point operations) of one input's forward pass.

    Dead convolutions are executed and so they count.
    """
    m.network.eval()  # batch statistics do not exist for one value a channel
    # the counter cannot follow a view of a parameter that is returned
    constants = {name: p.detach() for name, p in m.network.named_parameters()}
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            Substituted(m.network, constants)(m.inputs[:1].clone())
    finally:
        m.restore_mode()
    return float(counter.get_total_flops()) / 2
