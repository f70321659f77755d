"""Rules of activations, pooling and batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from untrained.indicators.jets.jet import Jet, NoRule, parts_of, rule

_aten = torch.ops.aten


@rule(_aten.relu.default)
def relu(operation: Any, x: Jet) -> Jet:
    """Derivatives pass where the value is above zero."""
    value, *derivatives = x.parts
    y = operation(value)
    passed = [t if t is None else _aten.threshold_backward(t, y, 0) for t in derivatives]
    return Jet(y, *passed)


@rule(_aten.relu_.default)
def relu_in_place(operation: Any, x: Jet) -> Jet:
    """The same in the memory of x."""
    value, *derivatives = x.parts
    operation(value)
    for t in derivatives:
        if t is not None:
            t.mul_(value > 0)
    return x


@rule(_aten.max_pool2d_with_indices.default)
def max_pool(operation: Any, x: Jet, *how: Any) -> tuple[Jet, Tensor]:
    """Derivatives are those of the largest value."""
    value, *derivatives = x.parts
    y, places = operation(value, *how)
    picked = [
        t if t is None else t.flatten(2).gather(2, places.flatten(2)).view(places.shape)
        for t in derivatives
    ]
    return Jet(y, *picked), places


@rule(_aten.native_batch_norm.default)
def batch_norm(operation: Any, x: Any, *settings: Any) -> tuple[Jet, Tensor, Tensor]:
    """Normalisation by batch or running statistics; the running ones are not updated."""
    if any(isinstance(setting, Jet) for setting in settings):
        raise NoRule("a parameter of a batch norm is a jet")
    gain, shift, mean, variance, training, momentum, eps = settings
    value, *derivatives = parts_of(x)
    axes = [1, -1, *[1] * (value.dim() - 2)]
    gain = torch.ones(()).to(value) if gain is None else gain.view(axes)
    shift = torch.zeros(()).to(value) if shift is None else shift.view(axes)
    if training:
        n, mean, r = operation(value, None, None, None, None, True, momentum, eps)
        scaled = _normalised(n, r.view(axes), gain, derivatives)
    else:
        n, *_ = operation(value, None, None, mean, variance, False, momentum, eps)
        r = (variance + eps).rsqrt()
        scaled = [t if t is None else t * (gain * r.view(axes)) for t in derivatives]
    return Jet(torch.addcmul(shift, n, gain), *scaled), mean, r


def _normalised(
    n: Tensor, r: Tensor, gain: Tensor, derivatives: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The derivatives of gain * n, n = r (x - E x), r = (Var x + eps)^(-1/2), from those of x.

    With a = u - E u, b = v - E v, c = uv - E uv and expectations over all axes but the channels':

        n_u  = r (a - E[na] n)
        n_uv = r c - r^2 E[nb] a - r^2 E[na] b + (r^2 (3 E[na] E[nb] - E[ab]) - r E[nc]) n
    """
    u, v, uv = derivatives
    axes = [axis for axis in range(n.dim()) if axis != 1]

    def mean(t: Tensor) -> Tensor:
        return t.mean(axes, keepdim=True)

    def combined(constant: Tensor, *terms: tuple[Tensor, Tensor]) -> Tensor:
        (t, factor), *others = terms
        total = torch.addcmul(gain * constant, t, gain * factor)
        for t, factor in others:
            total.addcmul_(t, gain * factor)
        return total

    def first(t: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor]:
        if t is None:
            return None, torch.zeros_like(r), torch.zeros_like(r)
        mean_t, nt = mean(t), mean(n * t)
        return combined(-r * mean_t, (t, r), (n, -r * nt)), mean_t, nt

    n_u, mean_u, na = first(u)
    n_v, mean_v, nb = first(v)
    constant, of_n = torch.zeros_like(r), torch.zeros_like(r)
    terms: list[tuple[Tensor, Tensor]] = []
    if uv is not None:
        constant, of_n = constant - r * mean(uv), of_n - r * mean(n * uv)
        terms.append((uv, r))
    if u is not None and v is not None:
        ab = mean(u * v) - mean_u * mean_v
        constant = constant + r.square() * (nb * mean_u + na * mean_v)
        of_n = of_n + r.square() * (3 * na * nb - ab)
        terms += [(u, -r.square() * nb), (v, -r.square() * na)]
    return [n_u, n_v, combined(constant, *terms, (n, of_n)) if terms else None]
