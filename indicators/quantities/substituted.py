"""A network with other tensors in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import attributes_kept


class Substituted(nn.Module):
    """The network, called with some of its parameters and buffers replaced; it is not changed."""

    def __init__(self, network: nn.Module, state: Mapping[str, Tensor]) -> None:
        """Remember both.

        Args:
            state: tensors by the names of the parameters and buffers that they stand for.

        Raises:
            Unsupported: a part of the network is scripted.
        """
        super().__init__()
        if any(isinstance(module, torch.jit.ScriptModule) for module in network.modules()):
            raise Unsupported(
                "the tensors of a scripted or traced module cannot be exchanged for others; "
                "measure the network before torch.jit.script or torch.jit.trace"
            )
        self._network = [network]  # in a list: not a submodule
        self._state = dict(state)

    def forward(self, x: Tensor) -> Any:
        """What the network returns for x."""
        with attributes_kept(self._network[0].modules()):
            return functional_call(self._network[0], self._state, (x,))
