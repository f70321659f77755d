"""GraSP: how removing a weight would change the gradient flow."""

from __future__ import annotations

import torch
from torch.nn import functional

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="GraSP",
    formula="-sum W * (H g), g = dL/dW, H the Hessian of L, over conv and linear weights",
    reference="Wang et al., Picking Winning Tickets Before Training by Preserving Gradient Flow, "
    "ICLR 2020, eq. 8; as a network score in Abdelfattah et al., ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    class_invariant=True,
    deviations="The pruning method divides the logits by a temperature of 200; as a network score "
    "it is 1, as in zero-cost-nas.",
)
def grasp(m: Measurement) -> float:
    """Sum of -W * (H g): the change of the gradient's squared norm, halved, as weights vanish.

    A forward pass, a backward pass with a graph and one through it.
    """
    constants = [gradient for _, gradient in layer_gradients(m)]
    weights = list(layer_weights(m).values())
    # a pass of its own in the plain layout: the second derivative of a convolution is twice as
    # fast in it, unlike the first
    plain = m.inputs.clone(memory_format=torch.contiguous_format)
    loss = functional.cross_entropy(logits_of(m.network, plain), m.labels)
    gradients = torch.autograd.grad(
        loss, weights, create_graph=True, allow_unused=True, materialize_grads=True
    )
    product = torch.stack(
        [(g * constant).sum() for g, constant in zip(gradients, constants, strict=True)]
    ).sum()
    if not product.requires_grad:
        return 0.0  # the gradient does not depend on the weights
    curvature = torch.autograd.grad(  # H g
        product, weights, allow_unused=True, materialize_grads=True
    )
    pairs = zip(weights, curvature, strict=True)
    return -sum(float((weight.detach() * hg).sum()) for weight, hg in pairs)
