"""CRoZe: whether a network and its perturbed twin agree in weights, features and gradients."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.account.account import Account
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.forward import gradients_of, live_cells, logits_of
from untrained.indicators.quantities.layer_weights import layer_weights, made_weights
from untrained.indicators.quantities.loss_gradients import check_labels
from untrained.indicators.quantities.quiet import in_float64
from untrained.indicators.quantities.substituted import Substituted

WEIGHT_STEP, INPUT_STEP = 2.0, 0.01


@indicator(
    title="CRoZe",
    formula="sum over conv and linear layers of (1 + cos(W, W')) |cos(g, g')| (1 + cos(f, f')), of "
    "|W| and of W' = |W| + 2 ||W|| g / ||g||, x' = x + 0.01 sign(dL/dx)",
    reference="Ha et al., Generalizable Lightweight Proxy for Robust NAS against Diverse "
    "Perturbations (CRoZe), NeurIPS 2023",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=8),
    cost="3 forward, 3 backward",
    class_invariant=True,
    deviations="For robustness. A cosine is one of all numbers of a tensor, as in the paper; the "
    "authors' code takes one along the first axis for each other place and sums them, and pairs a "
    "layer with the map of its stage, not its own. The perturbed image follows the paper; their "
    "code takes the other sign and clips to [0, 1]. Weights in float64 and normalisations bypassed "
    "as in the code. The cosine of zeros is 0.",
)
def croze(m: Measurement) -> float:
    """Agreement of clean and perturbed weights W, loss gradients g and layer outputs f.

    L is the mean cross-entropy. Both networks have absolute weights before the perturbation and no
    normalisations.

    Raises:
        Unsupported: the network has no layers, a weight is computed of parameters, a layer's
            output is not known, a normalisation may be written out, which is not bypassed, or the
            inputs are no real numbers.
    """
    if not m.inputs.is_floating_point():
        raise Unsupported(
            f"the inputs are whole numbers ({m.inputs.dtype}) and cannot be perturbed"
        )
    names = list(layer_weights(m))
    if not names:
        raise Unsupported("the network has no convolutional or linear layer")
    if made_weights(m):
        raise Unsupported("a layer has a weight that is computed of parameters")
    clean = {
        name: tensor.detach().double().abs() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in (*m.network.named_parameters(), *m.network.named_buffers())
    }
    x = m.inputs.detach().double()
    f, g, _ = _pass(m, clean, names, x)
    shifted = dict(clean)
    for name, gradient in zip(names, g, strict=True):
        size = gradient.norm()
        if size > 0:
            shifted[name] = clean[name] + WEIGHT_STEP * clean[name].norm() / size * gradient
    _, _, slope = _pass(m, shifted, names, x)
    f_moved, g_moved, _ = _pass(m, shifted, names, x + INPUT_STEP * slope.sign())
    scores = []
    for place, name in enumerate(names):
        weights = 1 + _cosine(clean[name], shifted[name])
        gradients = _cosine(g[place], g_moved[place]).abs()
        for one, other in zip(f.get(name, []), f_moved.get(name, []), strict=True):
            scores.append(weights * gradients * (1 + _cosine(one, other)))
    return sum(numbers(scores))


def _pass(
    m: Measurement, state: Mapping[str, Tensor], names: list[str], inputs: Tensor
) -> tuple[dict[str, list[Tensor]], list[Tensor], Tensor]:
    """The outputs of each layer's applications, its weight's gradient, and the inputs' gradient."""
    leaf = inputs.clone().requires_grad_()
    named = {name: state[name].detach() for name, _ in m.network.named_parameters()}
    buffers = {name: state[name].clone() for name, _ in m.network.named_buffers()}
    held = {**named, **buffers}  # a pass may change buffers in place
    for name in names:
        held[name].requires_grad_()
    x = leaf.clone()
    account = Account(m.network, x, parameters=named, bypass_norms=True)
    with live_cells(m), in_float64():
        logits = logits_of(Substituted(m.network, held), x, account)
    account.check(each=True)
    account.check_norms()
    check_labels(m.labels, logits.shape[1])
    loss = functional.cross_entropy(logits, m.labels)
    *gradients, slope = gradients_of(loss, [*(held[name] for name in names), leaf])
    outputs: dict[str, list[Tensor]] = {}
    for layer in account.maps:
        if layer.weight is not None and layer.weight.is_parameter:
            rows = layer.by_sample(layer.tensor, len(inputs))  # all samples, or this is no output
            outputs.setdefault(layer.weight.names[0], []).append(rows)
    return outputs, gradients, slope


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    a, b = a.detach().flatten(), b.detach().flatten()
    norms = a.norm() * b.norm()
    return torch.where(norms > 0, (a @ b) / torch.where(norms > 0, norms, 1), 0)
