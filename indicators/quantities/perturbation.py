"""What a small perturbation of the input does to the features of a network of Gaussian weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.account.known_modules import is_plain
from untrained.indicators.framework.devices import numbers
from untrained.indicators.framework.measurement import attributes_kept
from untrained.indicators.fused.run import outputs_and_variances
from untrained.indicators.quantities.forward import one_sample_refused
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.quiet import quiet

_ALPHA = 0.01
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True, slots=True)
class Perturbation:
    """Two forward passes up to the global pooling, of x and of x + 0.01 e."""

    change: Tensor
    """F(x + 0.01 e) - F(x), one row a sample, float64."""
    variances: list[float]
    """Means over channels of variances: in `perturbation` of the batch x, for each application of
    a batch norm, maybe without those of zeros; in `running_perturbation` of what is running after
    both passes and begins at 1, for each batch norm, empty if one keeps none."""


class _Features(nn.Module):
    """The network up to its global pooling, as a module of its own."""

    def __init__(self, network: nn.Module, features: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._features = [features]  # in a list: it may be one of the network's modules

    def forward(self, x: Tensor) -> Tensor:
        return self._features[0](x)


@quantity
def perturbation(m: Measurement) -> Perturbation:
    """F is the network up to its global pooling; weights, x and e are drawn anew from N(0, 1).

    Batch norms are as new and use batch statistics; there are no biases. The batch gives the shape
    of x. Two forward passes.

    Raises:
        Unsupported: the network has no method or module `features`, or a batch norm gets one value
            a channel.
    """
    draws = _draws(m)
    if is_plain(m.network):
        with _batch_statistics(m), attributes_kept(m.network.modules()):
            found = outputs_and_variances(m.network, draws.pass_of, (draws.x, draws.shifted))
        if found is not None:
            (before, after), of_channels = found
            variances = [float(one.mean()) for one in of_channels]
            return Perturbation((after - before).double().flatten(1), variances)
    return _of_passes(m, draws)[0]


@quantity
def running_perturbation(m: Measurement) -> Perturbation:
    """The same draws and passes as `perturbation`, with running variances.

    Raises:
        Unsupported: the network has no method or module `features`.
    """
    return _of_passes(m, _draws(m))[1]


@dataclass(frozen=True, slots=True)
class _Draws:
    whole: _Features
    state: dict[str, Tensor]
    """Of `whole`: parameters and the statistics of batch norms."""
    statistics: dict[str, Tensor]
    x: Tensor
    shifted: Tensor

    def pass_of(self, x: Tensor) -> Tensor:
        """F(x) of the drawn network; statistics are written to."""
        result: Tensor = functional_call(self.whole, self.state, (x,), tie_weights=False)
        return result


def _draws(m: Measurement) -> _Draws:
    features = getattr(m.network, "features", None)
    if not callable(features):
        raise Unsupported(
            "this indicator needs a method or module `features`: x to the map that is pooled"
        )
    if not m.inputs.is_floating_point():
        raise Unsupported(f"the inputs are {m.inputs.dtype}, and Gaussian ones are real numbers")
    roles = None if is_plain(m.network) else _roles(m, features)
    generator = m.generator("zen")

    def gaussian(like: Tensor) -> Tensor:
        # in the layout of the batch, in which the network is fast
        return torch.empty_like(like).copy_(torch.randn(like.shape, generator=generator))

    state = _gaussian_state(m.network, gaussian, roles)
    x = gaussian(m.inputs)
    shifted = x + _ALPHA * gaussian(m.inputs)
    statistics = _fresh_statistics(m.network)
    of_whole = {f"network.{name}": tensor for name, tensor in (state | statistics).items()}
    return _Draws(_Features(m.network, features), of_whole, statistics, x, shifted)


@contextmanager
def _batch_statistics(m: Measurement) -> Iterator[None]:
    """While entered, batch norms use batch statistics, which are part of the definition."""
    try:
        for module in m.network.modules():
            if isinstance(module, _BatchNorm):
                module.train()
        yield
    finally:
        m.restore_mode()


def _of_passes(m: Measurement, draws: _Draws) -> tuple[Perturbation, Perturbation]:
    """The passes of the network itself: with variances of the batch, and with running ones."""
    variances: list[Tensor] = []

    def note(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        variances.append(_channel_variances(args[0]).mean())

    norms = [module for module in m.network.modules() if isinstance(module, _BatchNorm)]
    with (
        torch.no_grad(),
        attributes_kept(m.network.modules()),
        _batch_statistics(m),
        one_sample_refused(draws.x, training=True),
        quiet(),
    ):
        with together(*(norm.register_forward_pre_hook(note) for norm in norms)):
            before = draws.pass_of(draws.x)
        after = draws.pass_of(draws.shifted)
    change = (after - before).double().flatten(1)
    running = [t for name, t in draws.statistics.items() if name.endswith("running_var")]
    means = numbers(v.double().mean() for v in running) if len(running) == len(norms) else []
    return Perturbation(change, numbers(variances)), Perturbation(change, means)


def _fresh_statistics(network: nn.Module) -> dict[str, Tensor]:
    """The buffers of batch norms, as new."""
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm):
            for short, buffer in module.named_buffers(recurse=False):
                new = torch.ones_like if short == "running_var" else torch.zeros_like
                state[f"{name}.{short}" if name else short] = new(buffer)
    return state


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


def _roles(m: Measurement, features: Callable[[Tensor], Tensor]) -> set[str]:
    """The weights of linear maps, in a network that the classes of modules do not tell it of.

    Raises:
        Unsupported: the part of a parameter is not known, or a weight is computed of parameters.
    """
    x = m.inputs.clone()
    with torch.no_grad(), attributes_kept(m.network.modules()):
        account = Account(m.network, x)
        with account, quiet():
            features(x)
    account.check()
    own = {name for name, _ in m.network.named_parameters()}
    for key, made in account.weights.items():
        if key not in own:
            raise Unsupported(
                f"a weight is computed of {' and '.join(map(repr, made[0].names))}, and this "
                "indicator draws the weights anew"
            )
    return {str(key) for key in account.weights}


def _gaussian_state(
    network: nn.Module, gaussian: Callable[[Tensor], Tensor], roles: set[str] | None
) -> dict[str, Tensor]:
    """Weights from N(0, 1) for layers, no biases, normalisations as new.

    Args:
        roles: the names of the weights, where the modules do not tell.
    """
    state: dict[str, Tensor] = {}
    for owner, module in network.named_modules():
        for short, parameter in module.named_parameters(recurse=False):
            tensor = parameter.detach()
            name = f"{owner}.{short}" if owner else short
            layer = isinstance(module, _ConvNd | nn.Linear)
            if (layer and short == "weight") if roles is None else name in roles:
                tensor = gaussian(tensor)
            elif layer or isinstance(module, _NORMS):
                tensor = torch.full_like(tensor, float(short == "weight"))
            elif roles is not None and "bias" in short:
                tensor = torch.zeros_like(tensor)
            state[name] = tensor
    return state
