"""How the loss answers to each channel that a layer puts out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.loss_gradients import loss_backward


@dataclass(frozen=True, slots=True)
class Response:
    """One application of a convolutional or linear layer."""

    weight: Tensor
    channels: Tensor
    """sum over positions of a * dL/da, (B, channels): a is the layer's output, L the mean loss."""


@quantity
def layer_responses(m: Measurement) -> list[Response]:
    """The responses of all applications, in the order of the forward pass.

    Raises:
        Unsupported: there are no layers or labels, or the network overwrites a layer's output.
    """
    backward, layers = loss_backward(m), forward(m).layers
    if not layers:
        raise Unsupported("the network has no convolutional or linear layer")
    if not all(output.intact for output in layers):
        raise Unsupported("the network writes to a layer's output by a functional in-place call")
    responses = []
    for output, reached in zip(layers, backward.responses, strict=True):
        layer = output.module
        assert isinstance(layer, _ConvNd | nn.Linear)
        weight = layer.weight.detach()
        width = output.tensor.shape[-1 if isinstance(layer, nn.Linear) else 1]
        zeros = output.tensor.new_zeros(len(output.tensor), width)
        responses.append(Response(weight, zeros if reached is None else reached))
    return responses
