"""The language model around a NAS-Bench-NLP cell.

    embedding -> 3 recurrent layers of the cell -> decoder, whose weight is that of the embedding

The last layer is as wide as the embedding. Without any of the dropouts of the benchmark's training.
Reference: Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022; Merity et al., "Regularizing and
Optimizing LSTM Language Models", ICLR 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.spaces.framework.network import RecurrentNetwork
from untrained.spaces.nasbenchnlp.recipe import (
    LINEAR,
    Recipe,
    X,
    new,
    num_hidden,
    order,
    previous,
)

_BOUND = 0.1


def _blend(gate: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return gate * one + (1 - gate) * other


_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "activation_leaky_relu": functional.leaky_relu,
    "activation_sigm": torch.sigmoid,
    "activation_tanh": torch.tanh,
    "elementwise_prod": torch.mul,
    "elementwise_sum": torch.add,
    "blend": _blend,
}


class RecurrentLayer(nn.Module):
    """The cell, applied to one time step after another."""

    def __init__(self, recipe: Recipe, inputs: int, hidden: int) -> None:
        """All weights and biases uniform within 1 / sqrt(hidden), as the benchmark draws them.

        Args:
            hidden: width of the hidden states and of the output.
        """
        super().__init__()
        self.hidden = hidden
        self.num_hidden = num_hidden(recipe)
        self.nodes = tuple(recipe[place] for place in order(recipe))
        # one weight for each input and one bias: a linear layer of all inputs side by side
        self.linears = nn.ModuleList(
            nn.Linear(sum(inputs if name == X else hidden for name in node.inputs), hidden)
            for node in self.nodes
            if node.operation == LINEAR
        )
        bound = 1 / math.sqrt(hidden)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, inputs) -> (T, B, hidden), from hidden states of zeros."""
        states = [x.new_zeros(x.shape[1], self.hidden)] * self.num_hidden
        outputs = []
        for step in x:
            states = self._step(step, states)
            outputs.append(states[0])
        return torch.stack(outputs)

    def _step(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        values = {X: x} | {previous(place): state for place, state in enumerate(states)}
        linears = iter(self.linears)
        for node in self.nodes:
            inputs = [values[name] for name in node.inputs]
            if node.operation == LINEAR:
                values[node.name] = next(linears)(torch.cat(inputs, dim=1))
            else:
                values[node.name] = _FUNCTIONS[node.operation](*inputs)
        return [values[new(place)] for place in range(self.num_hidden)]


class NASBenchNLPNetwork(RecurrentNetwork):
    """Embedding, recurrent layers, tied decoder."""

    def __init__(
        self, recipe: Recipe, *, num_words: int, embedding: int, hidden: int, layers: int
    ) -> None:
        """Build with the benchmark's initialisation.

        Args:
            embedding: width of a word, of the first input and of the last output.
        """
        super().__init__()
        self.embedding_size = embedding
        self.embedding = nn.Embedding(num_words, embedding)
        widths = [embedding, *[hidden] * (layers - 1), embedding]
        self.layers = nn.Sequential(
            *(RecurrentLayer(recipe, given, wanted) for given, wanted in pairwise(widths))
        )
        self.decoder = nn.Linear(embedding, num_words)
        self.decoder.weight = self.embedding.weight
        nn.init.uniform_(self.decoder.weight, -_BOUND, _BOUND)
        nn.init.zeros_(self.decoder.bias)

    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, embedding) -> (T, B, embedding)."""
        out: Tensor = self.layers(x)
        return out

    def logits(self, words: Tensor) -> Tensor:
        """(T, B) -> (T, B, num_words)."""
        out: Tensor = self.decoder(self.recurrent(self.embedding(words)))
        return out
