"""Zen-Score: how strongly the features answer to a perturbation of the input."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol

_ALPHA = 0.01


class _Features(nn.Module):
    """The network up to its global pooling, as a module of its own."""

    def __init__(self, network: nn.Module, features: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._features = features

    def forward(self, x: Tensor) -> Tensor:
        return self._features(x)


@indicator(
    title="Zen-Score",
    formula="ln E|| F(x + 0.01 e) - F(x) ||_2 + sum over batch norms of ln sqrt(mean channel var)",
    reference="Lin et al., Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, "
    "ICCV 2021, algorithm 1",
    needs={Need.STAGES, Need.RANDOMNESS},
    protocol=Protocol(inputs="gaussian", batch_size=64, labels="none"),
    cost="2 forward",
    follows_initialisation=False,
    deviations="As in the paper the Euclidean norm and the variances of the batch; the authors' "
    "code takes the sum of absolute differences, and running variances, nine tenths of which are "
    "still 1. Residual links stay, as in the code. One repetition. A batch norm fed by a constant "
    "has no scale and is left out.",
)
def zen(m: Measurement) -> float:
    """Logarithm of the mean change of the features, with the batch norms' scales put back.

    F is the network up to its global pooling, in training mode with weights from N(0, 1), x and e
    are from N(0, 1), all drawn anew; the batch gives their shape. Two forward passes.

    Raises:
        Unsupported: the network has no method `features`.
    """
    features = getattr(m.network, "features", None)
    if not callable(features) or isinstance(features, nn.Module):
        raise Unsupported("this indicator needs a method `features(x)`: the map that is pooled")
    generator = m.generator("zen")

    def gaussian(like: Tensor) -> Tensor:
        # in the layout of the batch, in which the network is fast
        return torch.empty_like(like).copy_(torch.randn(like.shape, generator=generator))

    state = {f"network.{name}": t for name, t in _gaussian_state(m.network, gaussian).items()}
    x = gaussian(m.inputs)
    shifted = x + _ALPHA * gaussian(m.inputs)
    variances: list[Tensor] = []

    def note(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        variances.append(_channel_variances(args[0]).mean())

    norms = [module for module in m.network.modules() if isinstance(module, _BatchNorm)]
    whole = _Features(m.network, features)
    for norm in norms:
        norm.train()  # batch statistics are part of the definition
    handles = [norm.register_forward_pre_hook(note) for norm in norms]
    try:
        with torch.no_grad():
            before = functional_call(whole, state, (x,), tie_weights=False)
            for handle in handles:
                handle.remove()
            after = functional_call(whole, state, (shifted,), tie_weights=False)
    finally:
        for handle in handles:
            handle.remove()
        m.restore_mode()
    change = float((after - before).double().flatten(1).norm(dim=1).mean())
    if change == 0:
        return float("-inf")
    return math.log(change) + sum(math.log(float(v)) / 2 for v in variances if v > 0)


def _channel_variances(x: Tensor) -> Tensor:
    """Biased variances over all axes but the channels', (C,) in float64.

    Of the distances to each channel's first value, which keeps the sum of squares small and makes
    a constant's variance exactly 0; added up in float64 over the samples.
    """
    positions = tuple(range(2, x.dim()))
    first = x[:1].flatten(2)[..., 0] if positions else x[:1]
    distances = x - first.reshape(1, -1, *[1] * len(positions))
    count = x.numel() / x.shape[1]

    def mean(values: Tensor) -> Tensor:
        of_samples = values.sum(positions) if positions else values
        return of_samples.double().sum(0) / count

    return (mean(distances.square()) - mean(distances).square()).clamp(min=0)


def _gaussian_state(network: nn.Module, gaussian: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """Weights from N(0, 1) for layers, no biases, batch norms as new."""
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        for short, parameter in module.named_parameters(recurse=False):
            tensor = parameter.detach()
            if isinstance(module, _ConvNd | nn.Linear) and short == "weight":
                tensor = gaussian(tensor)
            elif isinstance(module, _ConvNd | nn.Linear | _BatchNorm):
                tensor = torch.full_like(tensor, float(short == "weight"))
            state[f"{name}.{short}" if name else short] = tensor
    return state
