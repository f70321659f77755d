"""Fisher: how much the loss would change if a channel were removed."""

from __future__ import annotations

import torch

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.layer_responses import layer_responses


@indicator(
    title="Fisher",
    formula="sum over layers and channels c of fan_in * 1/2 mean_b ( sum_hw a_bc dL/da_bc )^2",
    reference="Theis et al., Faster gaze prediction with dense networks and Fisher pruning, 2018; "
    "Turner et al., BlockSwap, ICLR 2020; as a network score in Abdelfattah et al., ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
    deviations="As in zero-cost-nas, and unlike Fisher pruning, a channel counts once for each of "
    "the weights that produce it, so each layer is multiplied by its fan-in; those counts are "
    "summed in single precision, as there, which moves the score by about 1e-7 of itself. A layer "
    "that is applied twice counts both times.",
)
def fisher(m: Measurement) -> float:
    """Empirical Fisher information of the channels of all layer outputs a; L: mean cross-entropy.

    The gradient is that of the mean loss, so one of a sample's own loss is B times larger.
    """
    total = torch.zeros((), device=m.device)
    for response in layer_responses(m):
        channels = response.channels.square().mean(0) / 2
        weight = response.weight
        # one value a weight, as in the original: in single precision the order of a sum shows
        per_weight = channels.float().view(-1, *[1] * (weight.dim() - 1)).expand_as(weight)
        total += per_weight.contiguous().sum()
    return float(total)
