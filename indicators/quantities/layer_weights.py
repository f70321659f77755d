"""Which parameters the saliency indicators look at."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd

from untrained.indicators.measurement import Measurement
from untrained.indicators.quantity import quantity


@quantity
def layer_weights(m: Measurement) -> dict[str, nn.Parameter]:
    """The weight tensors of all convolutional and linear layers by name; a shared one once."""
    weights: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for name, module in m.network.named_modules():
        if not isinstance(module, _ConvNd | nn.Linear):
            continue
        weight = module.weight
        # a reparametrised weight is computed, so it has no gradient of its own
        if isinstance(weight, nn.Parameter) and id(weight) not in seen:
            seen.add(id(weight))
            weights[f"{name}.weight" if name else "weight"] = weight
    return weights
