"""The tangent kernel: inner products of gradients, and when it is singular."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.logit_gradients import Gradients

ROUNDING = 32
"""Relative error of a gradient that is taken for rounding, in units of eps."""


def kernel(left: Gradients, right: Gradients) -> Tensor:
    """K[i, j] = <gradient of left sample i, gradient of right sample j>, (B, B') float64.

    Gradients are (B, numel) and (B', numel) by the same names of parameters.
    """
    products = []
    # a tensor at a time: a float64 copy of all gradients would triple their memory
    for name in left:
        rows = left[name].double()
        others = rows if right is left else right[name].double()
        products.append(rows @ others.T)
    return torch.stack(products).sum(0)


def spectrum(K: Tensor, precision: torch.dtype) -> Tensor:
    """Eigenvalues of a tangent kernel, (B, B) float64, that is far enough from singular.

    Rounding errors of a few eps of the gradients make eigenvalues of their squares of the largest
    out of nothing, times the number of samples; below that the kernel counts as singular. Where
    gradients must sum to zero (networks whose classifier reads nothing but batch norms), single
    precision gave errors of 3 to 8 eps.

    Returns:
        (B,) ascending, all positive, on the CPU.

    Raises:
        Unsupported: the kernel is of one sample.
        Diverged: an entry is not finite, or the kernel is singular.
    """
    if K.shape[0] < 2:
        raise Unsupported("the kernel of one sample has one eigenvalue; at least two are needed")
    [K] = on_cpu([K])
    if not torch.isfinite(K).all():
        raise Diverged("the tangent kernel is not finite")
    eigenvalues: Tensor = torch.linalg.eigvalsh(K)
    noise = max(torch.finfo(K.dtype).eps, (ROUNDING * torch.finfo(precision).eps) ** 2)
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    if not smallest > K.shape[0] * noise * largest:
        raise Diverged(
            f"the tangent kernel is singular: its eigenvalues run from {smallest:.3g} "
            f"to {largest:.3g}"
        )
    return eigenvalues


def condition_number(K: Tensor, precision: torch.dtype) -> float:
    """Kappa = lambda_max / lambda_min of a tangent kernel, (B, B) float64; at least 1."""
    eigenvalues = spectrum(K, precision)
    return float(eigenvalues[-1] / eigenvalues[0])
