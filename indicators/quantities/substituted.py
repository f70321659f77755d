"""A network with other tensors in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from untrained.indicators.framework.measurement import attributes_kept


class Substituted(nn.Module):
    """The network, called with some of its parameters and buffers replaced; it is not changed."""

    def __init__(self, network: nn.Module, state: Mapping[str, Tensor]) -> None:
        """Remember both.

        Args:
            state: tensors by the names of the parameters and buffers that they stand for.
        """
        super().__init__()
        self._network = [network]  # in a list: not a submodule
        self._state = dict(state)

    def forward(self, x: Tensor) -> Any:
        """What the network returns for x."""
        with attributes_kept(self._network[0]):
            return functional_call(self._network[0], self._state, (x,))
