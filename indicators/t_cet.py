"""SNR and T-CET: layers by how even their synaptic flow is, and by their codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator, quantity
from untrained.indicators.framework.devices import numbers, on_cpu
from untrained.indicators.naswot import log_determinant
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.layer_weights import layer_weights, made_weights
from untrained.indicators.quantities.relu_kernels import agreement
from untrained.indicators.quantities.synaptic_flow import synaptic_flow

REFERENCE = (
    "Xiao et al., Training-free Neural Architecture Search via Compressibility and Expressivity "
    "(T-CET), IEEE Access 2024; formulas by the authors' code"
)


@indicator(
    title="SNR of synaptic flow",
    formula="sum over conv and linear layers of sum_w S_w / std(S), S = |W * dR/dW| as in SynFlow",
    reference=REFERENCE,
    needs={Need.GRADIENTS},
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="1 forward, 1 backward",
    class_invariant=True,
    deviations="The plain sum, of the authors' four modes (none, log, log1p, norm: see t_cet_log); "
    "their variant with SNIP's saliency is left out. Flow in float64, all normalisations bypassed.",
)
def snr(m: Measurement) -> float:
    """Sum over layers of the flow over its standard deviation; a deviation of 0 counts as 1."""
    return sum(ratios(m).values())


_mode = partial(
    indicator,
    reference=REFERENCE,
    needs={Need.GRADIENTS},
    protocol=Protocol(batch_size=64, labels="none"),
    cost="2 forward, 1 backward",
)
_DEVIATIONS = (
    "Codes are taken under the protocol's batch statistics, where the authors' code takes running "
    "ones, of a fresh network. A layer that is applied twice counts twice with the SNR of its "
    "weight; one that cannot reach the logits has no flow and counts 0."
)
_MODE = "One of the authors' four modes, not their default (none, which is t_cet). As t_cet. "


@_mode(
    title="T-CET",
    formula="sum over conv and linear layers of ln |det K_l| * SNR_l, K_l: agreement of [output of "
    "the layer > 0] between samples",
    class_invariant=True,
    deviations=f"As snr. {_DEVIATIONS}",
)
def t_cet(m: Measurement) -> float:
    """Sum over layers of expressivity times compressibility; a singular kernel counts 0, as there.

    Raises:
        Unsupported: a layer's weight is computed of parameters, or an axis of its output is not
            known.
    """
    return _weighed(m, ratios(m))


@_mode(
    title="T-CET, log",
    formula="sum over conv and linear layers of ln |det K_l| * ln SNR_l, K_l and SNR_l as in T-CET",
    class_invariant=True,
    deviations=_MODE,
)
def t_cet_log(m: Measurement) -> float:
    """T-CET with the logarithm of the SNR; a layer without flow counts 0, as there.

    Raises:
        Unsupported: as t_cet.
    """
    return _weighed(m, {name: math.log(r) if r > 0 else 0.0 for name, r in ratios(m).items()})


@_mode(
    title="T-CET, log1p",
    formula="sum over conv and linear layers of ln |det K_l| * ln(1 + SNR_l), K_l and SNR_l as in "
    "T-CET",
    class_invariant=True,
    deviations=_MODE,
)
def t_cet_log1p(m: Measurement) -> float:
    """T-CET with the logarithm of one more than the SNR.

    Raises:
        Unsupported: as t_cet.
    """
    return _weighed(m, {name: math.log1p(ratio) for name, ratio in ratios(m).items()})


@_mode(
    title="T-CET, norm",
    formula="sum over conv and linear layers of ln |det K_l| * SNR_l / std(SNR), K_l and SNR_l as "
    "in T-CET, std over layers",
    deviations=f"{_MODE}The deviation divides by the number of layers, all that have a weight, "
    "so that layers off every path to the logits change it, as there.",
)
def t_cet_norm(m: Measurement) -> float:
    """T-CET over the standard deviation of the layers' SNRs; a deviation of 0 counts as 1.

    Raises:
        Unsupported: as t_cet.
    """
    found = ratios(m)
    deviation = float(torch.tensor([*found.values()], dtype=torch.float64).std(correction=0))
    return _weighed(m, found) / (deviation or 1.0)


def _weighed(m: Measurement, weights: Mapping[str, float]) -> float:
    """The sum over layers of expressivity times a weight."""
    return sum((weights[name] * size for name, size in expressivities(m)), start=0.0)


@quantity
def expressivities(m: Measurement) -> list[tuple[str, float]]:
    """For each application of a layer its weight's name and ln |det K|, 0 for a singular kernel.

    Raises:
        Unsupported: a layer's weight is computed of parameters, or an axis of its output is not
            known.
    """
    names = {id(parameter): name for name, parameter in m.network.named_parameters()}
    layers = forward(m).layers
    kernels = []
    for layer in layers:
        rows = layer.by_sample(layer.tensor, len(m.inputs))
        kernels.append(agreement((rows > 0).reshape(len(rows), -1).view(torch.int8)))
    found = []
    for layer, kernel in zip(layers, on_cpu(kernels), strict=True):
        size = log_determinant(kernel)
        if layer.weight is None or not layer.weight.is_parameter:
            raise Unsupported("a layer has a weight that is computed of parameters")
        name = names[id(layer.weight.tensor)]
        found.append((name, size if size > float("-inf") else 0.0))
    return found


@quantity
def ratios(m: Measurement) -> dict[str, float]:
    """The signal-to-noise ratio of the flow of each layer, by its weight's name.

    Raises:
        Unsupported: a layer's weight is computed of parameters.
    """
    if made_weights(m):
        raise Unsupported("a layer has a weight that is computed of parameters")
    flows = [(weight * gradient).abs() for weight, gradient in synaptic_flow(m)]
    values = numbers(map(_ratio, flows))
    return dict(zip(layer_weights(m), values, strict=True))


def _ratio(flow: Tensor) -> Tensor:
    if flow.numel() < 2:
        return flow.sum()
    deviation = flow.std()
    return flow.sum() / torch.where(deviation > 0, deviation, 1)
