"""VKDNW: how evenly the data inform about the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.indicators import Diverged, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.entry_jacobian import entry_jacobian

_SMOOTHING = 0.05


@indicator(
    title="VKDNW (single)",
    formula="number of parameter tensors + entropy of the normalised deciles of the eigenvalues of "
    "E_x[ J^T Cov(softmax) J ]",
    reference="Týbl and Neumann, Training-free NAS through Variance of Knowledge of Deep Network "
    "Weights, CVPR 2025",
    needs={Need.GRADIENTS},
    protocol=Protocol(
        inputs="gaussian",
        batch_size=64,
        labels="none",
        initialisation="kaiming_normal_fan_in",
        batch_norm="eval",
    ),
    cost="2 forward, K backward",
    splits=True,
    deviations="The covariance is used as it is, in float64, without its Cholesky factor. The "
    "number counts every parameter tensor, also biases, as the authors' code does.",
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
    [information] = on_cpu([_fisher_information(*entry_jacobian(m))])
    eigenvalues = torch.linalg.eigvalsh(information).clamp(min=0)
    levels = torch.arange(1, 10, dtype=torch.float64) / 10
    deciles = torch.quantile(eigenvalues, levels)
    total = deciles.sum()
    if not total > 0:
        raise Diverged("nine tenths of the eigenvalues of the Fisher information are zero")
    entropy = float(torch.special.entr(deciles / total).sum())
    return len(list(m.network.parameters())) + entropy


def _fisher_information(logits: Tensor, jacobian: Tensor) -> Tensor:
    """Mean over samples of J^T (diag p - p p^T) J, (P, P), from (B, K) and (B, K, P)."""
    jacobian = jacobian.double()
    uniform = _SMOOTHING / logits.shape[1]
    p = torch.softmax(logits.double(), dim=1) * (1 - _SMOOTHING) + uniform
    centred = jacobian - torch.einsum("bk,bkp->bp", p, jacobian)[:, None]
    return torch.einsum("bk,bkp,bkq->pq", p, centred, centred) / len(logits)
