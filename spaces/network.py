"""What every built network offers beside its logits."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """An untrained network of a search space.

    All three methods run the network's modules through their hooks, so a measurement may listen
    to any of them; each runs the whole path up to what it returns.
    """

    memory_format = torch.channels_last
    """What a measurement lays its inputs out in: no network here reads memory in another order,
    and convolutions and batch norms of a CPU are faster in this one."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, num_classes), of images (batch, in_channels, height, width)."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """The map that is pooled into the classifier's input: (batch, channels, height, width)."""

    @abstractmethod
    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each spatial reduction and after the last cell, in depth order.

        Taken before the activation that the next block begins with.
        """
