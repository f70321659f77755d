"""NASI's objective on a supernet, and its gradient by the architecture weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from untrained.spaces.supernet import Supernet


def squared_gradient_norm(
    supernet: Supernet, inputs: Tensor, labels: Tensor, weights: Tensor
) -> tuple[float, Tensor]:
    """T~ = || d(mean_B L)/d theta ||_2^2 and dT~/dw, exactly: a gradient of a gradient.

    L is the cross-entropy, theta all parameters of the supernet, those of operations with weight
    zero too: they get no gradient themselves, but dT~/dw tells what a little weight would change.
    Reference: Shu et al., "NASI", ICLR 2022, eq. 12 and 13.

    Args:
        supernet: in the mode that it is to be measured in; it is left as it is but for running
            statistics.
        inputs: (B, channels, H, W).
        labels: class indices (B,).
        weights: w, (edges, operations).

    Returns:
        T~, and (edges, operations).
    """
    w = weights.detach().clone().requires_grad_()
    parameters = [p for p in supernet.parameters() if p.requires_grad]
    with torch.enable_grad():
        loss = functional.cross_entropy(supernet(inputs, w), labels)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        trace = torch.stack([g.square().sum() for g in gradients if g is not None]).sum()
        [slope] = torch.autograd.grad(trace, [w], allow_unused=True, materialize_grads=True)
    return trace.item(), slope
