"""What a network offers that reads words instead of images."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn

from torch import Tensor

from untrained.foundation import Unsupported
from untrained.spaces.network import Network


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
