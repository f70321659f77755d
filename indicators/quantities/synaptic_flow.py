"""The flow of ones through the network's absolute weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.forward import gradients_of, logits_of
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.substituted import Substituted


class _NormalisationBypassed(TorchFunctionMode):
    """Batch normalisation hands its input on."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (functional.batch_norm, torch.batch_norm):
            return args[0] if args else (kwargs or {})["input"]
        return func(*args, **(kwargs or {}))


@quantity
def synaptic_flow(m: Measurement) -> list[tuple[Tensor, Tensor]]:
    """(|W|, dR/d|W|) of every convolutional and linear layer, in float64.

    R is the sum of the outputs of the network with absolute parameters and bypassed batch norms
    for one input of ones.

    Raises:
        Unsupported: the network has no such layer.
    """
    weights = layer_weights(m)
    if not weights:
        raise Unsupported("the network has no convolutional or linear layer")
    state: dict[str, Tensor] = {
        name: tensor.detach().double().abs() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in [*m.network.named_parameters(), *m.network.named_buffers()]
    }
    leaves = {name: state[name].requires_grad_() for name in weights}
    ones = torch.ones_like(m.inputs[:1], dtype=torch.float64)
    with _NormalisationBypassed():
        total = logits_of(Substituted(m.network, state), ones).sum()
    gradients = gradients_of(total, list(leaves.values()))
    return [(leaf.detach(), g) for leaf, g in zip(leaves.values(), gradients, strict=True)]
