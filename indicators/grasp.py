"""GraSP: how removing a weight would change the gradient flow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.jets.jet import NoRule
from untrained.indicators.jets.mixed_derivative import mixed_derivative
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="GraSP",
    formula="-sum W * (H g), g = dL/dW, H the Hessian of L, over conv and linear weights",
    reference="Wang et al., Picking Winning Tickets Before Training by Preserving Gradient Flow, "
    "ICLR 2020; as a network score in Abdelfattah et al., ICLR 2021",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="2 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
    deviations="The pruning method divides the logits by a temperature of 200; as a network score "
    "it is 1, as in zero-cost-nas.",
)
def grasp(m: Measurement) -> float:
    """Sum of -W * (H g): the change of the gradient's squared norm, halved, as weights vanish.

    -W^T H g is a second derivative of the loss along W and g, taken by one forward pass; by a
    backward pass through a backward pass where the network calls what that one has no rule for.
    """
    weights = layer_weights(m)
    gradients = [gradient for _, gradient in layer_gradients(m)]
    directions = {
        name: (constant := weight.detach(), constant, gradient)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }
    try:
        return -mixed_derivative(m.network, m.inputs.clone(), m.labels, directions)
    except NoRule:
        return -_through_backward(m, list(weights.values()), gradients)


def _through_backward(
    m: Measurement, weights: list[nn.Parameter], constants: list[Tensor]
) -> float:
    # in the plain layout: the second derivative of a convolution is twice as fast in it, unlike
    # the first
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
    return sum(
        float((weight.detach() * hg).sum()) for weight, hg in zip(weights, curvature, strict=True)
    )
