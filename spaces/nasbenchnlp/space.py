"""The search space NAS-Bench-NLP and its language models.

    embedding -> 3 recurrent layers of the cell -> decoder, whose weight is that of the embedding

The last layer is as wide as the embedding. Without any of the dropouts of the benchmark's training.
Reference: Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022; Merity et al., "Regularizing and
Optimizing LSTM Language Models", ICLR 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from untrained.spaces import Architecture, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import RecurrentNetwork
from untrained.spaces.framework.product_space import variations
from untrained.spaces.nasbenchnlp.recipe import (
    ACTIVATIONS,
    BLEND,
    LINEAR,
    PAIRINGS,
    Node,
    Recipe,
    X,
    draw,
    format_node,
    format_recipe,
    new,
    num_hidden,
    order,
    previous,
    read_recipe,
)

_BOUND = 0.1


_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "activation_leaky_relu": functional.leaky_relu,
    "activation_sigm": torch.sigmoid,
    "activation_tanh": torch.tanh,
    "elementwise_prod": torch.mul,
    "elementwise_sum": torch.add,
    "blend": lambda gate, one, other: gate * one + (1 - gate) * other,
}


class RecurrentLayer(nn.Module):
    """The cell, applied to one time step after another."""

    def __init__(self, recipe: Recipe, inputs: int, hidden: int) -> None:
        """All weights and biases uniform within 1 / sqrt(hidden), hidden the width of states."""
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


EMBEDDING, HIDDEN, LAYERS = 400, 600, 3
"""Of the benchmark's networks."""
_ZERO, _CONSTANT, _VARIES = range(3)
"""What a value can be, whatever the weights: 0, the same for all inputs, anything."""


class NASBenchNLP(SearchSpace):
    """All cells that the notation can write.

    The text keeps the names and the order of the nodes, as in the published files; `canonical`
    does not.
    """

    name = "nasbenchnlp"
    title = "NAS-Bench-NLP"
    reference = "Klyuchnikov et al., IEEE Access 2022"
    size = None
    own_size = "channels=16, cells=5: widths 400 and 600, 3 layers"

    def recipe(self, arch: str | Architecture) -> Recipe:
        """The nodes of the cell.

        Raises:
            MalformedInput: the text is no cell.
        """
        return read_recipe(self._text_of(arch))

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.recipe(arch))

    def sample(self, rng: Generator) -> Architecture:
        """One cell by the benchmark's own generator, which is not uniform over cells.

        See `recipe.draw`. The benchmark's cells are a sample like this.
        """
        return self._make(draw(rng))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The cells with another activation, sum for product, or another input in one place.

        An input may become anything that does not wait for the node itself; only linear nodes
        read x. The number of nodes and of a node's inputs stays.
        """
        recipe = self.recipe(arch)
        parts = [format_node(node) for node in recipe]
        return [
            Architecture(self.name, f"{{{','.join([*parts[:place], text, *parts[place + 1 :]])}}}")
            for place, text in _changes(recipe)
        ]

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The cell without nodes that no hidden state needs, in the order of a search from these.

        Two texts that differ in names, order or unread nodes alone have the same; that sums and
        linear nodes do not care for the order of their inputs is not known here.
        """
        recipe = self.recipe(arch)
        by_name = {node.name: node for node in recipe}
        visited: list[Node] = []
        seen: set[str] = set()
        for root in (new(place) for place in range(num_hidden(recipe))):
            # depth first without recursion: a node is done when its inputs are
            stack = [(root, False)]
            while stack:
                name, done = stack.pop()
                if done:
                    visited.append(by_name[name])
                elif name in by_name and name not in seen:
                    seen.add(name)
                    stack.append((name, True))
                    stack += [(i, False) for i in reversed(by_name[name].inputs)]
        names = {new(place): new(place) for place in range(num_hidden(recipe))}
        for node in visited:
            names.setdefault(node.name, f"node_{len(names)}")
        return self._make(
            tuple(
                Node(names[n.name], n.operation, tuple(names.get(i, i) for i in n.inputs))
                for n in visited
            )
        )

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether the output depends on no time step: x does not reach it, or meets only zeros."""
        recipe = self.recipe(arch)
        states = {previous(place): _ZERO for place in range(num_hidden(recipe))}
        while True:
            levels = _levels(recipe, states)
            reached = {
                previous(place): max(states[previous(place)], levels[new(place)])
                for place in range(len(states))
            }
            if reached == states:
                return levels[new(0)] < _VARIES
            states = reached

    def _network(self, arch: str | Architecture, size: NetworkSize) -> RecurrentNetwork:
        """Build a language model; channels scale its widths, cells the number of its layers."""
        return NASBenchNLPNetwork(
            self.recipe(arch),
            num_words=size.num_classes,
            embedding=size.width(EMBEDDING),
            hidden=size.width(HIDDEN),
            layers=size.depth(LAYERS),
        )

    def _make(self, recipe: Recipe) -> Architecture:
        return Architecture(self.name, format_recipe(recipe))


def _levels(recipe: Recipe, states: dict[str, int]) -> dict[str, int]:
    """What every node is at most, given what the old hidden states are at most."""
    levels = {X: _VARIES, **states}
    for place in order(recipe):
        node = recipe[place]
        given = [levels[name] for name in node.inputs]
        most = max(given)
        if node.operation in (LINEAR, "activation_sigm"):
            most = max(most, _CONSTANT)  # a bias, or the sigmoid of 0
        elif node.operation == "elementwise_prod" and _ZERO in given:
            most = _ZERO
        elif node.operation == BLEND and given[0] == _ZERO:
            most = given[2]
        elif node.operation == BLEND and given[1:] == [_ZERO, _ZERO]:
            most = _ZERO
        levels[node.name] = most
    return levels


def _changes(recipe: Recipe) -> Iterator[tuple[int, str]]:
    """Place and new notation of a node, for all changes of one decision."""
    sources = [X, *(previous(place) for place in range(num_hidden(recipe)))]
    needs = _needs(recipe)
    for place, node in enumerate(recipe):
        for kinds in (ACTIVATIONS, PAIRINGS):
            for other in kinds if node.operation in kinds else ():
                if other != node.operation:
                    yield place, format_node(node._replace(operation=other))
        free = [other.name for other in recipe if node.name not in needs[other.name]]
        places = [*(sources if node.operation == LINEAR else sources[1:]), *free]
        for inputs in variations(node.inputs, places):
            yield place, format_node(node._replace(inputs=inputs))


def _needs(recipe: Recipe) -> dict[str, set[str]]:
    """Each node with all nodes that it is computed from, itself included."""
    needs: dict[str, set[str]] = {}
    for place in order(recipe):
        node = recipe[place]
        needs[node.name] = {node.name}.union(*(needs.get(name, set()) for name in node.inputs))
    return needs


register_space(NASBenchNLP())
