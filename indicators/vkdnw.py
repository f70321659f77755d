"""VKDNW: how evenly the data inform about the weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from untrained.indicators import Diverged, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.entry_jacobian import entry_jacobian

REFERENCE = (
    "Týbl and Neumann, Training-free NAS through Variance of Knowledge of Deep Network Weights, "
    "CVPR 2025"
)
_SMOOTHING = 0.05
_PROTOCOL = Protocol(
    inputs="gaussian",
    batch_size=64,
    labels="none",
    initialisation="kaiming_normal_fan_in",
    batch_norm="eval",
)
_TENSORS = "The number counts every parameter tensor, also biases, as the authors' code does."


@indicator(
    title="VKDNW (single)",
    formula="number of parameter tensors + entropy of the normalised deciles of the eigenvalues of "
    "E_x[ J^T Cov(softmax) J ]",
    reference=REFERENCE,
    needs={Need.GRADIENTS},
    protocol=_PROTOCOL,
    cost="2 forward, K backward",
    splits=True,
    deviations="The paper's matrix; that of the authors' code, with L^T L in place of the "
    f"covariance L L^T, is vkdnw_released. In float64. {_TENSORS}",
)
def vkdnw(m: Measurement) -> float:
    """Size of the network in tensors, and below one tensor the evenness of the Fisher spectrum.

    J is the Jacobian of a sample's logits with respect to the first entry of each of the first
    128 parameter tensors, with the running statistics of a fresh network whatever the mode. The
    softmax is mixed with 5 % of the uniform distribution. The entropy of the nine deciles 0.1 to
    0.9, divided by their sum, is in [0, ln 9]; so the number dominates.

    Raises:
        Diverged: the deciles are all zero.
    """
    return _size_and_evenness(m, _fisher_information)


@indicator(
    title="VKDNW (single), released code",
    formula="as VKDNW, of E_x[ J^T L^T L J ], L the Cholesky factor of Cov(softmax)",
    reference=f"{REFERENCE}, code of the authors (compute_vkdnw_score.py)",
    needs={Need.GRADIENTS},
    protocol=_PROTOCOL,
    cost="2 forward, K backward",
    splits=True,
    deviations="Not the paper's score: L^T L is not the covariance L L^T, and orders networks of "
    f"one number of tensors otherwise. In float64, where theirs is float32. {_TENSORS}",
)
def vkdnw_released(m: Measurement) -> float:
    """Size of the network in tensors, and below one tensor the evenness of another spectrum.

    Raises:
        Diverged: the deciles are all zero.
    """
    return _size_and_evenness(m, _released_information)


def _size_and_evenness(m: Measurement, of: Callable[[Tensor, Tensor], Tensor]) -> float:
    logits, jacobian = entry_jacobian(m)
    uniform = _SMOOTHING / logits.shape[1]
    p = torch.softmax(logits.double(), dim=1) * (1 - _SMOOTHING) + uniform
    [information] = on_cpu([of(p, jacobian.double())])
    eigenvalues = torch.linalg.eigvalsh(information).clamp(min=0)
    levels = torch.arange(1, 10, dtype=torch.float64) / 10
    deciles = torch.quantile(eigenvalues, levels)
    total = deciles.sum()
    if not total > 0:
        raise Diverged("nine tenths of the eigenvalues of the Fisher information are zero")
    entropy = float(torch.special.entr(deciles / total).sum())
    return len(list(m.network.parameters())) + entropy


def _fisher_information(p: Tensor, jacobian: Tensor) -> Tensor:
    """Mean over samples of J^T (diag p - p p^T) J, (P, P), from (B, K) and (B, K, P)."""
    centred = jacobian - torch.einsum("bk,bkp->bp", p, jacobian)[:, None]
    return torch.einsum("bk,bkp,bkq->pq", p, centred, centred) / len(p)


def _released_information(p: Tensor, jacobian: Tensor) -> Tensor:
    """The same of J^T L^T L J; L by Tanabe and Sagae, JRSS B 54, 1992, Theorem 1.

    The last column of L is zero, so that the last logit's gradient does not count.
    """
    left = 1 - p.cumsum(dim=1)[:, :-1]
    before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    ones = torch.eye(p.shape[1], left.shape[1], dtype=p.dtype, device=p.device)
    unit = (-p[:, :, None] / left[:, None]).tril(-1) + ones
    factor = unit * (p[:, :-1] * left / before).sqrt()[:, None]
    weighted = torch.einsum("bkl,blp->bkp", factor, jacobian[:, :-1])
    return torch.einsum("bkp,bkq->pq", weighted, weighted) / len(p)
