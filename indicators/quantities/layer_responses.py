"""How the loss answers to each channel that a layer puts out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators.measurement import Measurement
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.loss_gradients import loss_gradients
from untrained.indicators.quantity import quantity


@dataclass(frozen=True, slots=True)
class Response:
    """One application of a convolutional or linear layer."""

    weight: Tensor
    channels: Tensor
    """sum over positions of a * dL/da, (B, channels): a is the layer's output, L the mean loss."""


@quantity
def layer_responses(m: Measurement) -> list[Response]:
    """The responses of all applications, in the order of the forward pass.

    A second backward pass through the shared graph, without the weights' gradients: cheaper than
    collecting these in the first one would be for everyone who does not want them.

    Raises:
        Unsupported: there are no layers or labels, or the network overwrites a layer's output.
    """
    loss_gradients(m)  # checks the labels; what uses responses uses its pass's graph as well
    passed = forward(m)
    if not passed.layers:
        raise Unsupported("the network has no convolutional or linear layer")
    if not all(output.intact for output in passed.layers):
        raise Unsupported("the network writes to a layer's output by a functional in-place call")
    loss = functional.cross_entropy(passed.logits, m.labels)
    gradients = torch.autograd.grad(
        loss,
        [output.tensor for output in passed.layers],
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
    responses = []
    for output, gradient in zip(passed.layers, gradients, strict=True):
        layer = output.module
        assert isinstance(layer, _ConvNd | nn.Linear)
        responses.append(
            Response(layer.weight.detach(), _by_channel(layer, output.tensor, gradient))
        )
    return responses


def _by_channel(layer: nn.Module, output: Tensor, gradient: Tensor) -> Tensor:
    product = output.detach() * gradient
    if isinstance(layer, nn.Linear):  # channels last
        return product.reshape(product.shape[0], -1, product.shape[-1]).sum(1)
    return product.flatten(2).sum(2)
