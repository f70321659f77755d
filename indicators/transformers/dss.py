"""DSS and AutoProx-A: vision transformers with absolute weights, for an image of ones."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.attention import mixings_of
from untrained.indicators.quantities.forward import gradients_of, logits_of
from untrained.indicators.quantities.quiet import in_float64
from untrained.indicators.quantities.substituted import Substituted
from untrained.indicators.transformers.attention import nuclear

PROTOCOL = Protocol(inputs="none", batch_size=1, labels="none")


@quantity
def absolute_gradients(
    m: Measurement,
) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    """(|W|, dR/d|W|) of attention's weights, and of all others, in float64.

    R is the sum of the logits of one input of ones, all parameters being absolute; normalisations
    stay.

    Raises:
        Unsupported: the network has no attention, reads words, or computes a weight of parameters.
    """
    if not m.inputs.is_floating_point():
        raise Unsupported(
            f"an input of ones has to be of real numbers, and this network's are {m.inputs.dtype}"
        )
    ones = torch.ones_like(m.inputs[:1], dtype=torch.float64)
    state = {
        name: tensor.detach().double() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in m.network.named_buffers()
    }
    named = {
        name: p.detach().double().abs().requires_grad_() for name, p in m.network.named_parameters()
    }
    account = Account(m.network, ones, parameters=named)
    with in_float64():
        account.logits = logits = logits_of(Substituted(m.network, state | named), ones, account)
    account.check()
    if any(a.weight is not None and not a.weight.is_parameter for a in account.maps):
        raise Unsupported("a layer has a weight that is computed of parameters")
    inside = {id(a) for a in mixings_of(logits, account).inside}
    weights: dict[int, tuple[Tensor, bool]] = {}
    for a in account.maps:
        if a.weight is not None:
            weights.setdefault(id(a.weight.tensor), (a.weight.tensor, id(a) in inside))
    tensors = [tensor for tensor, _ in weights.values()]
    gradients = gradients_of(logits.sum(), tensors)
    found = zip(weights.values(), gradients, strict=True)
    pairs = [(tensor.detach(), g, within) for (tensor, within), g in found]
    return (
        [(w, g) for w, g, within in pairs if within],
        [(w, g) for w, g, within in pairs if not within],
    )


@indicator(
    title="DSS",
    formula="sum over attention weights of ||W||_* ||dR/dW||_* + sum over the others of |W dR/dW|; "
    "R: sum of the logits of an image of ones, parameters absolute",
    reference="Zhou et al., Training-Free Transformer Architecture Search (TF-TAS), CVPR 2022",
    needs={Need.ATTENTION, Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="1 forward, 1 backward",
    family=Family.ATTENTION,
    deviations="In float64. The authors' code tells attention's weights by the names of classes "
    "and by equal numbers of inputs and outputs, here they are told by what is computed.",
)
def dss(m: Measurement) -> float:
    """Synaptic diversity of attention plus synaptic saliency of all else.

    Raises:
        Unsupported: the network has no attention, or reads words.
    """
    attention, others = absolute_gradients(m)
    return sum(numbers(nuclear(w) * nuclear(g) for w, g in attention)) + sum(
        numbers((w * g).abs().sum() for w, g in others)
    )


@indicator(
    title="AutoProx-A",
    formula="sum over attention weights of ||dR/dW||_1 + sum over the other linear layers of "
    "mean sigmoid(dR/dW); R as for DSS",
    reference="Wei et al., Auto-Prox: Training-Free Vision Transformer Architecture Search via "
    "Automatic Proxy Discovery, AAAI 2024, eq. 5; its code as in OoD-ViT-NAS, NeurIPS 2024",
    needs={Need.ATTENTION, Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="1 forward, 1 backward",
    family=Family.ATTENTION,
    uses_accuracy=True,
    deviations="In float64. Convolutions, as those of patches, are left out, as in the code.",
)
def autoprox_a(m: Measurement) -> float:
    """The score that AutoProx's search found with accuracies of ViT-Bench-101.

    Raises:
        Unsupported: the network has no attention, or reads words.
    """
    attention, others = absolute_gradients(m)
    layers = [g for w, g in others if w.dim() == 2]
    return sum(numbers(g.abs().sum() for _, g in attention)) + sum(
        numbers(g.sigmoid().mean() for g in layers)
    )
