"""Which parameters the saliency indicators look at."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd

from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity


@quantity
def layer_weights(m: Measurement) -> dict[str, nn.Parameter]:
    """The weight tensors of all convolutional and linear layers; a shared one once.

    Under the names of `named_parameters`, which gives a tied weight the name of its first owner.
    """
    names = {id(parameter): name for name, parameter in m.network.named_parameters()}
    weights: dict[str, nn.Parameter] = {}
    for module in m.network.modules():
        if not isinstance(module, _ConvNd | nn.Linear):
            continue
        weight = module.weight
        # a reparametrised weight is computed, so it has no gradient of its own
        if isinstance(weight, nn.Parameter):
            weights[names[id(weight)]] = weight
    return weights
