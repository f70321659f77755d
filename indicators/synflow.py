"""SynFlow, and its logarithmic variant."""

from __future__ import annotations

import torch

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers, products
from untrained.indicators.quantities.synaptic_flow import synaptic_flow


@indicator(
    title="SynFlow",
    formula="sum |W * dR/dW|, R = sum of the outputs of the network with weights |W|, input 1",
    reference="Tanaka et al., Pruning neural networks without any data, NeurIPS 2020, as a network "
    "score in Abdelfattah et al., ICLR 2021",
    needs={Need.GRADIENTS},
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
    deviations="All normalisations are bypassed, layer, group, instance and RMS norms too; "
    "zero-cost-nas leaves the batch norms of its reduction blocks in. Always in float64, where the "
    "raw score of a deep network fits; no logarithm is taken.",
)
def synflow(m: Measurement) -> float:
    """Synaptic flow of one input of ones through absolute weights, in float64.

    Where activations are ReLUs R is homogeneous in each layer, so the score is the flow summed over
    all layers; with attention or a subtraction it is the formula alone. Zero for a network whose
    output does not depend on its weights.
    """
    sizes = torch._foreach_abs(products(synaptic_flow(m)))
    return sum(numbers(size.sum() for size in sizes))


_ROUNDING = 1e-6


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

    All normalisations are bypassed. Not the logarithm of SynFlow.

    Raises:
        Unsupported: the output falls as an absolute weight grows, so that there is no flow.
    """
    flow = synaptic_flow(m)
    along = products(flow)
    logarithms = torch._foreach_log1p([gradient for _, gradient in flow])
    weighed = products(zip((weight for weight, _ in flow), logarithms, strict=True))
    sums = [torch._foreach_clamp_max(along, 0), torch._foreach_abs(along), weighed]
    found = numbers(part.sum() for parts in sums for part in parts)
    against, size, score = (sum(found[i * len(flow) : (i + 1) * len(flow)]) for i in range(3))
    if -against > _ROUNDING * size:
        raise Unsupported(
            "the network's output falls as some absolute weight grows, by attention, a subtraction "
            "or a normalisation written out for instance, so that there is no flow to take the "
            "logarithm of"
        )
    return score
