"""Robust-ZCP: size of the loss gradient's kernel, and roughness of the loss at the input."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.forward import gradients_of, live_cells, logits_of
from untrained.indicators.quantities.loss_gradients import check_labels, loss_gradients

NUM_TENSORS, NUM_ENTRIES = 11, 50
SCALE, STEP = 5e6, 50.0


@indicator(
    title="Robust-ZCP",
    formula="-( t/(M B^2) sum_mij <dL_i/dw_m, dL_j/dw_m> + ln mean_i |(l_i(x + h z) - l_i(x))/h|^2 "
    "), l_i = dL_i/dx_i, z = sign(l)/||sign(l)||, t = 5e6, h = 50",
    reference="Feng et al., Zero-Cost Proxy for Adversarial Robustness Evaluation, ICLR 2025, eqs. "
    "4, 7 and 8, as two sets of public notes give them",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=25, batch_norm="eval"),
    cost="3 forward, 3 backward",
    deviations="For robustness. The logarithm of the paper's product, with its sign, which ranks "
    "alike and does not overflow. The paper and its code were read in notes only. f of the paper's "
    "kernel is the loss, and w_m are the first 50 entries of the first 11 parameter tensors that "
    "have as many, as in the code, for which t = 5e6 is made; all pairs of samples, where the code "
    "pairs 25 with 25 others and its gradients add up from sample to sample.",
)
def robust_zcp(m: Measurement) -> float:
    """Less is better of both terms: the kernel of the losses, and their gradients' change at x.

    Running statistics (the reference protocol) keep samples apart; L_i is the cross-entropy of
    sample i. The kernel's sum over pairs is the squared norm of the mean gradient.

    Raises:
        Unsupported: no parameter tensor has 50 entries, or the inputs are no real numbers.
        Diverged: the gradient at the inputs does not change.
    """
    if not m.inputs.is_floating_point():
        raise Unsupported(
            f"the inputs are whole numbers ({m.inputs.dtype}) and cannot be perturbed"
        )
    large = [g for g in loss_gradients(m).values() if g.numel() >= NUM_ENTRIES][:NUM_TENSORS]
    if not large:
        raise Unsupported(f"no parameter of the network has {NUM_ENTRIES} entries")
    heads = torch.stack([g.flatten()[:NUM_ENTRIES].double() for g in large])
    kernel = float(heads.square().sum(1).mean())
    x = m.inputs.detach()
    slope = _slopes(m, x)
    z = slope.sign()
    sizes = z.flatten(1).norm(dim=1).clamp(min=1).view(-1, *[1] * (z.dim() - 1))
    change = (_slopes(m, x + STEP * z / sizes) - slope).double().flatten(1) / STEP
    rough = float(change.square().sum(1).mean())
    if not rough > 0:
        raise Diverged("the loss gradient at the inputs does not change, so that it has no size")
    return -(SCALE * kernel + math.log(rough))


def _slopes(m: Measurement, x: Tensor) -> Tensor:
    """dL_i/dx of the summed losses; one row a sample."""
    leaf = x.clone().requires_grad_()
    with live_cells(m):
        logits = logits_of(m.network, leaf.clone())
    check_labels(m.labels, logits.shape[1])
    loss = functional.cross_entropy(logits, m.labels, reduction="sum")
    (slope,) = gradients_of(loss, [leaf])
    return slope
