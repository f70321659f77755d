"""Saliencies of the loss gradient: gradient norm, plain, SNIP, Fisher, GraSP."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.account.account import Account
from untrained.indicators.framework.devices import numbers, products
from untrained.indicators.jets.jet import NoRule, mixed_derivative
from untrained.indicators.quantities.forward import live_cells, logits_of
from untrained.indicators.quantities.layer_responses import layer_responses
from untrained.indicators.quantities.layer_weights import layer_weights, made_weights, weights_in
from untrained.indicators.quantities.loss_gradients import layer_gradients

_saliency = partial(
    indicator,
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    family=Family.BASELINE,
    class_invariant=True,
)


@_saliency(
    title="Gradient norm",
    formula="sum over conv and linear layers of ||dL/dW_l||_2",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
)
def grad_norm(m: Measurement) -> float:
    """Sum over layers of the Euclidean norm of the loss gradient (L: mean cross-entropy)."""
    return sum(numbers(torch._foreach_norm([gradient for _, gradient in layer_gradients(m)])))


@_saliency(
    title="Plain",
    formula="sum W * dL/dW over conv and linear weights",
    reference="Mozer and Smolensky, Skeletonization, NeurIPS 1988, as a network score in "
    "Abdelfattah et al., ICLR 2021",
)
def plain(m: Measurement) -> float:
    """Sum of W * dL/dW: the loss's slope when all weights grow in proportion.

    A layer in front of a batch normalisation contributes zero up to rounding, because the loss does
    not depend on its scale; what is left is the contribution of the others.
    """
    return sum(numbers(product.sum() for product in products(layer_gradients(m))))


@_saliency(
    title="SNIP",
    formula="sum |W * dL/dW| over conv and linear weights",
    reference="Lee et al., SNIP, ICLR 2019, as a network score in Abdelfattah et al., ICLR 2021",
)
def snip(m: Measurement) -> float:
    """Sum of |W * dL/dW|: the loss gradient of a multiplicative mask of ones on every weight."""
    sizes = torch._foreach_abs(products(layer_gradients(m)))
    return sum(numbers(size.sum() for size in sizes))


@_saliency(
    title="Fisher",
    formula="sum over layers and channels c of fan_in * 1/2 mean_b ( sum_hw a_bc dL/da_bc )^2",
    reference="Theis et al., Faster gaze prediction with dense networks and Fisher pruning, 2018; "
    "Turner et al., BlockSwap, ICLR 2020; as a network score in Abdelfattah et al., ICLR 2021",
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
        if weight.shape[0] != len(channels):  # another layout, as of a transposed convolution
            total += channels.float().sum() * (weight.numel() / len(channels))
            continue
        # one value a weight, as in the original: in single precision the order of a sum shows
        per_weight = channels.float().view(-1, *[1] * (weight.dim() - 1)).expand_as(weight)
        total += per_weight.contiguous().sum()
    return float(total)


@_saliency(
    title="GraSP",
    formula="-sum W * (H g), g = dL/dW, H the Hessian of L, over conv and linear weights",
    reference="Wang et al., Picking Winning Tickets Before Training by Preserving Gradient Flow, "
    "ICLR 2020; as a network score in Abdelfattah et al., ICLR 2021",
    cost="2 forward, 1 backward",
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
    if made_weights(m):
        return -_through_backward(m, gradients)
    directions = {
        name: (constant := weight.detach(), constant, gradient)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }
    try:
        with live_cells(m):
            return -mixed_derivative(m.network, m.inputs.clone(), m.labels, directions)
    except NoRule:
        return -_through_backward(m, gradients)


def _through_backward(m: Measurement, constants: list[Tensor]) -> float:
    # in the plain layout: the second derivative of a convolution is twice as fast in it, unlike
    # the first
    plain = m.inputs.clone(memory_format=torch.contiguous_format)
    account = Account(m.network, plain)
    with live_cells(m):
        loss = functional.cross_entropy(logits_of(m.network, plain, account), m.labels)
    known = {name: [weight] for name, weight in layer_weights(m).items()}
    parts = weights_in(m, account) if made_weights(m) else known
    weights = [part for of_one in parts.values() for part in of_one]
    factors = [c for c, of_one in zip(constants, parts.values(), strict=True) for _ in of_one]
    gradients = torch.autograd.grad(
        loss, weights, create_graph=True, allow_unused=True, materialize_grads=True
    )
    product = torch.stack(
        [(g * factor).sum() for g, factor in zip(gradients, factors, strict=True)]
    ).sum()
    if not product.requires_grad:
        return 0.0  # the gradient does not depend on the weights
    try:
        curvature = torch.autograd.grad(  # H g
            product, weights, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        raise Unsupported(f"torch has no second derivative of an operation: {error}") from error
    pairs = zip((weight.detach() for weight in weights), curvature, strict=True)
    return sum(numbers(product.sum() for product in products(pairs)))
