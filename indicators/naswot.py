"""NASWOT: the kernel of ReLU codes, over all activations or those that reach the output."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.relu_calls import live_relus
from untrained.indicators.quantities.relu_kernels import relu_kernels, sign_kernels

PROTOCOL = Protocol(inputs="images", batch_size=128, labels="none")


def log_determinant(kernel: Tensor) -> float:
    """Ln |det K| of a symmetric positive semi-definite kernel, (B, B) float64; -inf if singular.

    A kernel is singular when its smallest eigenvalue is within rounding (B eps lambda_max) of zero:
    two samples with the same code, or fewer units than samples.
    """
    eigenvalues = torch.linalg.eigvalsh(kernel)
    tolerance = kernel.shape[0] * torch.finfo(kernel.dtype).eps * eigenvalues[-1]
    if not eigenvalues[0] > tolerance:
        return float("-inf")
    return float(torch.linalg.slogdet(kernel).logabsdet)


@indicator(
    title="NASWOT",
    formula="ln |det K_H|, K_H[i,j] = N_A - d_H(c_i, c_j)",
    reference="Mellor et al., Neural Architecture Search without Training, ICML 2021, eqs. 1-2",
    needs={Need.RELU},
    protocol=PROTOCOL,
    cost="1 forward",
    family=Family.NASWOT,
    deviations="Every ReLU is counted once; the authors' code counts those inside a ReLU-Conv-BN "
    "twice, which shifts the score by about B ln 2 and leaves the ranking. Like there, a ReLU "
    "behind a `none` edge counts (see naswot_live).",
)
def naswot(m: Measurement) -> float:
    """Log-determinant of the agreement kernel of the binary codes over all ReLU units.

    c_i is the concatenation over all applications of a ReLU of [pre-activation > 0] for sample i,
    N_A its length, d_H the Hamming distance. Train-mode batch normalisation, no labels. At most
    B ln N_A; -inf when two samples have the same code.
    """
    return log_determinant(torch.stack([k.agreeing for k in relu_kernels(m)]).sum(0))


@indicator(
    title="NASWOT, live ReLUs",
    formula="ln |det K_H| over the ReLUs on a path from the input to the logits",
    reference="a variant of Mellor et al., ICML 2021, of this project",
    needs={Need.RELU, Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="2 forward, 1 backward",
    family=Family.NASWOT,
    class_invariant=True,
    deviations="Not the paper's score: ReLUs behind a zeroed edge or fed by a constant are left "
    "out, so that all architectures of one function score alike.",
)
def naswot_live(m: Measurement) -> float:
    """NASWOT's log-determinant over live ReLUs only; -inf when none is live."""
    pairs = zip(relu_kernels(m), live_relus(m), strict=True)
    live = [kernel.agreeing for kernel, is_live in pairs if is_live]
    return log_determinant(torch.stack(live).sum(0)) if live else float("-inf")


@indicator(
    title="NASWOT, signs of any activations",
    formula="ln |det K_H|, c_i: [activation output > 0]",
    reference="Mellor et al., ICML 2021, with the codes of SWAP on any activation (Peng et al., "
    "arXiv:2605.07378)",
    protocol=PROTOCOL,
    cost="1 forward",
    family=Family.NASWOT,
    deviations="Not the paper's score, which is of ReLUs. Of a network of ReLUs it is naswot. "
    "Activations whose output has one sign (sigmoid, softplus) and softmax have no code.",
)
def naswot_signs(m: Measurement) -> float:
    """NASWOT's log-determinant with the sign of each activation's output as the code.

    For ReLU, GELU, SiLU, Hardswish, Mish, ELU, leaky ReLU, PReLU, tanh and the like.

    Raises:
        Unsupported: no activation has an output of both signs, or one cannot be read.
    """
    return log_determinant(torch.stack([k.agreeing for k in sign_kernels(m)]).sum(0))
