"""Attention of transformers: its confidence, importance, activation distance and synapses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.account.applications import Application
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.attention import logit_sum_gradients, mixings
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.relu_kernels import signs

_attention = partial(
    indicator,
    protocol=Protocol(inputs="images", batch_size=128, labels="none"),
    family=Family.ATTENTION,
)
PAPER = "Serianni and Kalita, Training-free Neural Architecture Search for RNNs and Transformers"
_ROUNDING = (
    "The gradient is that of the sum of the logits. The authors take that of the sum of the last "
    "layer norm's output, which is zero for any weights: their values are rounding errors, 1e-3 in "
    "single and 1e-12 in double precision."
)


@_attention(
    title="Attention confidence",
    formula="sum over the maps A that enter attention of mean_(b,c) max_t A[b,t,c]",
    reference=f"{PAPER}, ACL 2023, after Voita et al., ACL 2019",
    needs={Need.ATTENTION},
    cost="1 forward",
    deviations="As the authors' code: the maximum is over tokens, of queries, keys, values, the "
    "further matrix of weighted attention and the input of a transform, and of the maps that enter "
    "a dynamic convolution, which the code leaves out. A fused layer of queries, keys and values "
    "counts as one map.",
)
def attention_confidence(m: Measurement) -> float:
    """Sum of the mean largest outputs of the linear maps that enter attention.

    Raises:
        Unsupported: the network has no attention, or it is not known where the tokens are.
    """
    found = mixings(m)
    outputs = (_by_token(a, len(m.inputs)) for a in found.entering)
    return sum(numbers(output.amax(1).double().mean() for output in outputs))


def _by_token(application: Application, size: int) -> Tensor:
    """(batch, tokens, channels)."""
    output = application.by_sample(application.tensor, size)
    return output.reshape(size, -1, output.shape[-1])


@_attention(
    title="Softmax confidence",
    formula="sum over attentions of mean_(b,i,j) max_h P[b,h,i,j], P: probabilities",
    reference=f"{PAPER}, ACL 2023, after Voita et al., ACL 2019",
    needs={Need.ATTENTION},
    cost="1 forward",
    deviations="As the authors' code, whose maximum is over heads; that of the paper it follows is "
    "over the tokens attended to. Their code also counts a softmax of transformed words, which the "
    "network does not use.",
)
def softmax_confidence(m: Measurement) -> float:
    """Sum over layers of the mean of the heads' largest probabilities.

    Raises:
        Unsupported: the network has no attention.
    """
    size = len(m.inputs)
    found = [one.probabilities for one in mixings(m).all if one.kind == "attention"]
    if not found:
        raise Unsupported("the network mixes tokens without attention: it has no probabilities")
    by_head = (p.reshape(size, -1, *p.shape[-2:]) for p in found if p is not None)
    return sum(numbers(p.amax(1).double().mean() for p in by_head))


def _saliency(m: Measurement, maps: Iterable[Application]) -> float:
    """Sum of |W dW| over the weights of some maps, a shared one once."""
    gradients = logit_sum_gradients(m)
    pairs = {id(gradients[id(a)][0]): gradients[id(a)] for a in maps}
    return sum(numbers((w * g).abs().double().sum() for w, g in pairs.values()))


@_attention(
    title="Attention head importance",
    formula="sum over weights W that enter attention of sum |W dR/dW|, R: sum of the logits",
    reference=f"{PAPER}, ACL 2023, after Michel et al., NeurIPS 2019",
    needs={Need.ATTENTION, Need.GRADIENTS},
    cost="1 forward, 1 backward",
    deviations=f"{_ROUNDING} They leave out weights of fewer than 128 rows.",
)
def head_importance(m: Measurement) -> float:
    """Saliency of the weights that make queries, keys and values.

    Raises:
        Unsupported: the network has no attention.
    """
    return _saliency(m, mixings(m).entering)


@_attention(
    title="Synaptic saliency",
    formula="sum over feed-forward weights W of sum |W dR/dW|, R: sum of the logits",
    reference=f"{PAPER}, ACL 2023, after Tanaka et al., NeurIPS 2020",
    needs={Need.ATTENTION, Need.GRADIENTS},
    cost="1 forward, 1 backward",
    deviations=_ROUNDING,
)
def synaptic_saliency(m: Measurement) -> float:
    """Saliency of the weights behind the first attention that are not part of any, but the last.

    Raises:
        Unsupported: the network has no attention.
    """
    return _saliency(m, mixings(m).feed_forward)


@_attention(
    title="Synaptic diversity",
    formula="sum over attention weights W of ||W||_* ||dR/dW||_*, R: sum of the logits",
    reference=f"{PAPER}, ACL 2023, after Zhou et al. (DSS), CVPR 2022",
    needs={Need.ATTENTION, Need.GRADIENTS},
    cost="1 forward, 1 backward",
    deviations=_ROUNDING,
)
def synaptic_diversity(m: Measurement) -> float:
    """Sum of the products of nuclear norms of attention's weights and their gradients.

    Raises:
        Unsupported: the network has no attention.
    """
    gradients = logit_sum_gradients(m)
    pairs = {id(gradients[id(a)][0]): gradients[id(a)] for a in mixings(m).inside}
    return sum(numbers(nuclear(w) * nuclear(g) for w, g in pairs.values()))


def nuclear(matrix: Tensor) -> Tensor:
    """Sum of the singular values, in float64; of a kernel those of its rows."""
    rows = matrix.flatten(1).double()
    # of G G^T they are the square roots of the eigenvalues: several times faster than an SVD
    gram = rows @ rows.t() if rows.shape[0] <= rows.shape[1] else rows.t() @ rows
    norm: Tensor = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt().sum()
    return norm


@_attention(
    title="Activation distance",
    formula="sum over activations of sum_ij (c_i . c_j + (1 - c_i) . (1 - c_j)), c_i: signs of "
    "token i of the first sample",
    reference=f"{PAPER}, ACL 2023, after Mellor et al., ICML 2021",
    needs={Need.ATTENTION},
    cost="2 forward",
    deviations="As the authors' code, which compares tokens of the first sequence, not samples.",
)
def activation_distance(m: Measurement) -> float:
    """How many units of the activations agree between each two tokens of the first sample.

    Raises:
        Unsupported: the network has no attention, or no activation of tokens (B, T, C).
    """
    mixings(m)
    counts: list[Tensor] = []

    def see(output: Tensor) -> None:
        if output.dim() != 3 or len(output) != len(m.inputs):
            raise Unsupported(
                f"an activation gives a tensor {tuple(output.shape)}, not tokens (B, T, C)"
            )
        active = (output[0].detach() > 0).double().sum(0)
        counts.append((active.square() + (output.shape[1] - active).square()).sum())

    with torch.no_grad():
        logits_of(m.network, m.inputs.clone(), calls := signs(see))
    calls.check(smooth=True)
    if not counts:
        raise Unsupported("the network applies no activation whose output takes both signs")
    return sum(numbers(counts))
