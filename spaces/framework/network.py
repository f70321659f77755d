"""Networks of images and of sequences, and their size."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn

import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported


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


def check_network_size(title: str, own: str, **counts: int) -> None:
    """Refuse a network with a count below 1.

    Args:
        title: of the search space, for the message.
        own: the benchmark's own counts, for the message.
        counts: by the name of the argument.

    Raises:
        MalformedInput: one of them is below 1.
    """
    for name, number in counts.items():
        if number < 1:
            raise MalformedInput(
                f"a {title} network with {name}={number!r} was asked for; {name} must be a whole "
                f"number of at least 1 (the benchmark itself has {own})"
            )


class RecurrentNetwork(Network):
    """An untrained language model of a search space.

    Given images, each of its methods says that it does not exist for them, so that scores of
    images are unsupported and those of the weights alone are as for any network.
    """

    embedding_size: int
    """The width of a time step, before the first recurrent layer."""

    @abstractmethod
    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, embedding_size) -> (T, B, outputs), from a hidden state of zeros."""

    @abstractmethod
    def logits(self, words: Tensor) -> Tensor:
        """Logits (T, B, num_words) of the next word, of words (T, B), whole numbers from 0."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits (T, B, num_words) of words (T, B).

        Raises:
            Unsupported: the input is not words.
        """
        if x.dim() != 2 or x.is_floating_point() or x.is_complex():
            self._refuse(f"a tensor {tuple(x.shape)} of {x.dtype} was given")
        return self.logits(x)

    def features(self, x: Tensor) -> Tensor:
        """There is no map.

        Raises:
            Unsupported: always.
        """
        self._refuse("the map before the classifier was asked for")

    def stages(self, x: Tensor) -> list[Tensor]:
        """There are no maps.

        Raises:
            Unsupported: always.
        """
        self._refuse("the maps of its stages were asked for")

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(
            f"{what}, but the network is a language model, which reads words (time, batch) and has "
            "no maps; choose scores of weights or of recurrent networks"
        )
