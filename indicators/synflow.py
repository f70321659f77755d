"""SynFlow: synaptic flow through the linearised network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import gradients_of, logits_of
from untrained.indicators.quantities.layer_weights import layer_weights


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


@indicator(
    title="SynFlow",
    formula="sum |W * dR/dW|, R = sum of the outputs of the network with weights |W|, input 1",
    reference="Tanaka et al., Pruning neural networks without any data, NeurIPS 2020, as a network "
    "score in Abdelfattah et al., ICLR 2021",
    needs={Need.GRADIENTS},
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    class_invariant=True,
    deviations="All batch normalisations are bypassed; zero-cost-nas leaves those of its reduction "
    "blocks in. Always in float64, where the raw score of a deep network fits; no logarithm is "
    "taken.",
)
def synflow(m: Measurement) -> float:
    """Synaptic flow of one input of ones through absolute weights, in float64.

    R is homogeneous in each layer, so the score is the flow summed over all layers. Zero for a
    network whose output does not depend on its weights.

    Raises:
        Unsupported: the network has no convolutional or linear layer.
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
        total = logits_of(_Called(m.network, state), ones).sum()
    gradients = gradients_of(total, list(leaves.values()))
    return sum(
        float((leaf.detach() * gradient).abs().sum())
        for leaf, gradient in zip(leaves.values(), gradients, strict=True)
    )


class _Called(torch.nn.Module):
    """The network with other tensors in place of its parameters and buffers."""

    def __init__(self, network: torch.nn.Module, state: dict[str, Tensor]) -> None:
        super().__init__()
        self._network = [network]  # in a list: not a submodule
        self._state = state

    def forward(self, x: Tensor) -> Any:
        return functional_call(self._network[0], self._state, (x,))
