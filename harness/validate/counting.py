"""How many passes of the network a function makes, counted by the convolutions it calls."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

_FEW = 4


class _Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts convolutions called forward and backward."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forward = 0
        self.backward = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.forward += func is torch.ops.aten.convolution.default
        self.backward += func is torch.ops.aten.convolution_backward.default
        return func(*args, **(kwargs or {}))


def counted_passes(
    function: Callable[[nn.Module, Tensor, Tensor | None], float],
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
) -> str:
    """The passes of one call, in the words that an indicator declares its cost in.

    A number that equals that of the samples or classes is taken for it; pass numbers of these that
    nothing else can be mistaken for.

    Args:
        function: of network, inputs and labels.
        network: with convolutions, every one of which a pass calls once.
        inputs: a batch of B samples.
        labels: of it; K is the number of the network's logits.
    """
    with torch.no_grad(), _Convolutions() as once:
        logits = copy.deepcopy(network).train()(inputs)
    if not once.forward:
        return "none"
    with torch.enable_grad(), _Convolutions() as counted:
        function(copy.deepcopy(network).train(), inputs.clone(), labels.clone())
    symbols = {inputs.shape[0]: "B", logits.shape[1]: "K"}
    symbols[inputs.shape[0] * logits.shape[1]] = "B K"
    parts = []
    for kind, calls in (("forward", counted.forward), ("backward", counted.backward)):
        passes = -(-calls // once.forward)  # a pass that stops early counts as a whole
        if passes:
            count = str(passes) if passes <= _FEW else symbols.get(passes, str(passes))
            parts.append(f"{count} {kind}")
    return ", ".join(parts) or "none"
