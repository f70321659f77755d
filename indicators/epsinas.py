"""Epsilon: how much the outputs differ between two networks of constant weights."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, Protocol, indicator
from untrained.indicators.framework.devices import is_out_of_memory, on_cpu
from untrained.indicators.quantities.equal_channels import EqualChannels
from untrained.indicators.quantities.forward import live_cells, logits_of
from untrained.indicators.quantities.layer_weights import made_weights
from untrained.indicators.quantities.logit_gradients import weights_of
from untrained.indicators.quantities.quiet import in_float64
from untrained.indicators.quantities.substituted import Substituted

WEIGHTS = (1e-7, 1.0)
"""For NAS-Bench-201, where the authors' search keeps the widest pair that few networks fail on."""


@indicator(
    title="Epsilon",
    formula="mean |p_1 - p_2| / mean p, p_k: logits of the network of constant weights w_k, scaled "
    "to [0, 1], w = 1e-7 and 1",
    reference="Gracheva, Trainless Model Performance Estimation Based on Random Weights "
    "Initialisations for Neural Architecture Search (epsilon), 2021; epsinas, arXiv:2302.04406",
    protocol=Protocol(batch_size=256, labels="none"),
    cost="2 forward",
    class_invariant=True,
    version=2,
    follows_initialisation=False,
    deviations="In float64, always: in float32, as in the authors' code, weights of 1e-7 underflow "
    "in a third of the networks of NAS-Bench-201; epsinas_float32 is that score. The logits, where "
    "the authors' code takes the pooled features on NAS-Bench-201: of constant weights both are "
    "the same up to scale. Channels of constant weights are equal, so that one is computed for "
    "all; the authors' code computes each, and leaves out one of the smallest outputs or all of "
    "them as rounding has it. The pair of weights is that of NAS-Bench-201 everywhere; the "
    "authors choose one for each space without labels.",
)
def epsinas(m: Measurement) -> float:
    """Mean absolute difference of the scaled outputs over their mean.

    Weights and gains are the constant, other parameters 0, buffers are as found. The smallest
    output of each network is 0 after scaling and left out, with its partner: those of all classes,
    which are the same.

    Raises:
        Unsupported: there is no weight, it is not known whether a parameter is one, or a weight is
            computed of parameters.
        Diverged: a network's outputs are all the same, or not finite.
    """
    return _epsilon(m, torch.float64)


@indicator(
    title="Epsilon, float32",
    formula="epsinas in single precision",
    reference="Gracheva, epsinas, arXiv:2302.04406, 2023, as its code computes it",
    protocol=Protocol(batch_size=256, labels="none"),
    cost="2 forward",
    class_invariant=True,
    follows_initialisation=False,
    deviations="As of epsinas, but for the precision.",
)
def epsinas_float32(m: Measurement) -> float:
    """Epsilon of networks whose outputs do not underflow in single precision.

    Raises:
        Unsupported: as for `epsinas`.
        Diverged: a network's outputs are all the same, as where they underflow, or not finite.
    """
    return _epsilon(m, torch.float32)


def _epsilon(m: Measurement, dtype: torch.dtype) -> float:
    if made_weights(m):
        raise Unsupported("a layer has a weight that is computed of parameters")
    constants = weights_of(m).keys()
    p = torch.stack([next(iter(on_cpu([_scaled(m, constants, w, dtype)]))) for w in WEIGHTS])
    kept = torch.where(p == 0, torch.nan, p)
    return float((kept[0] - kept[1]).abs().nanmean() / kept.nanmean())


def _scaled(
    m: Measurement, constants: Collection[str], weight: float, dtype: torch.dtype
) -> Tensor:
    """The logits with some parameters constant and the others 0, scaled to [0, 1], in one row."""
    precision = in_float64() if dtype == torch.float64 else nullcontext()
    with torch.no_grad(), live_cells(m), precision:
        try:
            out = _logits(m, constants, weight, dtype, EqualChannels())
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            # the network writes to tensors, which then have to be whole
            m.restore_buffers()
            out = _logits(m, constants, weight, dtype)
    low, high = out.min(), out.max()
    if not high > low:
        raise Diverged(f"with all weights {weight:g} all outputs are {float(low):g}")
    return (out - low) / (high - low)


def _logits(
    m: Measurement,
    constants: Collection[str],
    weight: float,
    dtype: torch.dtype,
    mode: EqualChannels | None = None,
) -> Tensor:
    one = torch.full((), weight, dtype=dtype, device=m.inputs.device)
    zero = torch.zeros_like(one)
    state = {
        name: buffer.to(dtype, copy=True) if buffer.is_floating_point() else buffer.clone()
        for name, buffer in m.network.named_buffers()
    }
    for name, parameter in m.network.named_parameters():
        if parameter.is_floating_point():
            value = (one if name in constants else zero).expand(parameter.shape)
            state[name] = value if mode else value.clone(memory_format=torch.contiguous_format)
        else:
            state[name] = parameter.clone()
    inputs = m.inputs.clone()
    inputs = inputs.to(dtype) if inputs.is_floating_point() else inputs
    return logits_of(Substituted(m.network, state), inputs, mode).flatten()
