"""The search space NAS-Bench-NLP and its table."""

from __future__ import annotations

from collections.abc import Iterator

from numpy.random import Generator

from untrained.spaces.benchmarks.table import ParquetBenchmark
from untrained.spaces.framework.network import NetworkSize, RecurrentNetwork
from untrained.spaces.framework.registry import register_benchmark, register_space
from untrained.spaces.framework.search_space import Architecture, SearchSpace
from untrained.spaces.nasbenchnlp.generator import draw
from untrained.spaces.nasbenchnlp.network import NASBenchNLPNetwork
from untrained.spaces.nasbenchnlp.recipe import (
    ACTIVATIONS,
    BLEND,
    LINEAR,
    PAIRINGS,
    Node,
    Recipe,
    X,
    format_node,
    format_recipe,
    new,
    num_hidden,
    order,
    previous,
    read_recipe,
)

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

        See `nasbenchnlp_generator`. The benchmark's cells are a sample like this.
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
        for at, current in enumerate(node.inputs):
            for name in places:
                if name != current:
                    inputs = (*node.inputs[:at], name, *node.inputs[at + 1 :])
                    yield place, format_node(node._replace(inputs=inputs))


def _needs(recipe: Recipe) -> dict[str, set[str]]:
    """Each node with all nodes that it is computed from, itself included."""
    needs: dict[str, set[str]] = {}
    for place in order(recipe):
        node = recipe[place]
        needs[node.name] = {node.name}.union(*(needs.get(name, set()) for name in node.inputs))
    return needs


register_space(NASBenchNLP())


register_benchmark(ParquetBenchmark("nasbenchnlp", space="nasbenchnlp"), origin=__name__)
