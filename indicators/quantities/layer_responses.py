"""How the loss answers to each channel that a layer puts out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.loss_gradients import loss_backward


@dataclass(frozen=True, slots=True)
class Response:
    """One application of a linear map."""

    weight: Tensor
    channels: Tensor
    """sum over positions of a * dL/da, (B, channels): a is the layer's output, L the mean loss."""


@quantity
def layer_responses(m: Measurement) -> list[Response]:
    """The responses of all applications of linear maps, in the order of the forward pass.

    Raises:
        Unsupported: there are no layers or labels, or a layer's weight or output is not known.
    """
    backward, passed = loss_backward(m), forward(m)
    passed.account.check(each=True)
    if not passed.layers:
        raise Unsupported("the network has no convolutional or linear layer")
    responses = []
    for layer, reached in zip(passed.layers, backward.responses, strict=True):
        assert layer.weight is not None
        rows = layer.by_sample(layer.tensor, len(m.inputs))
        zeros = rows.new_zeros(rows.shape[0], rows.shape[-1])
        weight = layer.weight.tensor.detach()
        responses.append(Response(weight, zeros if reached is None else reached))
    return responses
