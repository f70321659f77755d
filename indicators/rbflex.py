"""RBFleX: Gaussian kernels of activations and of the classifier's input, few images one by one."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Protocol, indicator
from untrained.indicators.account.account import Account
from untrained.indicators.quantities.forward import check_separate, logits_of
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.relu_kernels import signs

NUM_IMAGES = 3
GAMMA_ACTIVATIONS, GAMMA_LAST = 2.68690173088039e-12, 1.02460061284506e-11
"""Of the authors' script for NAS-Bench-201."""


@indicator(
    title="RBFleX",
    formula="3 ( ln det K + ln det Q ), K_ij = exp( -g |x_i - x_j|^2 ) of activations x, Q of the "
    "last layer's inputs, features scaled to [0, 1] over the images",
    reference="Yamasaki et al., RBFleX-NAS: Training-Free NAS Using Radial Basis Function Kernel "
    "and Hyperparameter Detection, TNNLS 2025",
    protocol=Protocol(batch_size=NUM_IMAGES, labels="none"),
    cost="3 forward",
    deviations="The widths g are those of the authors' script for NAS-Bench-201 in every space; "
    "their detection takes the smallest ratio of squared difference of means to variances over "
    "some networks of a space, without labels. Determinants are expanded so that a kernel whose "
    "entries are nearly 1 loses no digits. Every activation whose output takes both signs, and "
    "ReLU, counts; their hooks are on every module with ReLU in its class's name, and in "
    "NAS-Bench-201 the batch-norm output of a ReLU-Conv-BN counts as well. The first three images "
    "of the batch, where their script crops them at random.",
)
def rbflex(m: Measurement) -> float:
    """Log-determinants of two Gaussian kernels between three images.

    Each image passes by itself, so that batch statistics are over its positions. The last layer is
    the last linear map. A feature that is the same for all images is 0. -inf where two images have
    the same features.

    Raises:
        Unsupported: there are less than three images, no activation, or no linear map, or samples
            depend on each other.
    """
    check_separate(m.network)
    images = m.inputs[:NUM_IMAGES]
    if len(images) < NUM_IMAGES:
        raise Unsupported(f"this indicator compares {NUM_IMAGES} inputs, and the batch has less")
    rows = [_features(m, image[None]) for image in images]
    if any(len(one[place]) != len(rows[0][place]) for one in rows for place in (0, 1)):
        raise Unsupported("the number of activations differs between inputs")
    activations, last = (torch.stack(part) for part in zip(*rows, strict=True))
    return NUM_IMAGES * (
        log_determinant(activations, GAMMA_ACTIVATIONS) + log_determinant(last, GAMMA_LAST)
    )


def _features(m: Measurement, image: Tensor) -> tuple[Tensor, Tensor]:
    """All activations of one image, and the input of the last layer, in float64."""
    seen: list[Tensor] = []
    x = image.clone()
    calls = signs(lambda output: seen.append(output.detach().flatten().double()))
    with torch.no_grad():
        account = Account(m.network, x)
        logits_of(m.network, x, together(account, calls))
    account.check(each=True)
    calls.check(smooth=True)
    if not seen:
        raise Unsupported("the network applies no activation whose output takes both signs")
    if account.last_input is None:
        raise Unsupported("the network has no convolutional or linear layer")
    return torch.cat(seen), account.last_input.flatten().double()


def log_determinant(rows: Tensor, gamma: float) -> float:
    """Ln det of exp(-gamma |x_i - x_j|^2) of rows that are scaled to [0, 1]; -inf if singular.

    The entries less 1 are taken by expm1, and of the determinant the first row and column by
    elimination: with E = K - 1 what is left is E_ij - E_i1 - E_1j - E_i1 E_1j.
    """
    low, high = rows.min(0).values, rows.max(0).values
    varies = high > low
    scaled = (rows[:, varies] - low[varies]) / (high - low)[varies]
    squares = (scaled[:, None] - scaled[None]).square().sum(2)
    e = torch.expm1(-gamma * squares)
    left, top, inner = e[1:, :1], e[:1, 1:], e[1:, 1:]
    sign, size = torch.linalg.slogdet(inner - left - top - left * top)
    return float(size) if sign > 0 else float("-inf")
