"""Random cells by the rules that those of NAS-Bench-NLP were generated with.

Nodes are added until there are as many as the hidden states and the intermediate nodes together:
a linear node with probability 1/2, followed by an activation of it, a blend, a product or a sum
with 1/6 each. A linear node reads two (4/5) or three (1/5) of x, the hidden states and the
activations; the others read hidden states and any earlier nodes. Random nodes then become the new
hidden states, and what none of these needs is dropped. A cell is kept if it uses x and every
hidden state and if no new hidden state reads an old one directly.
Reference: Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022, and the authors' generator.
"""

from __future__ import annotations

from numpy.random import Generator

from untrained.spaces.nasbenchnlp.recipe import (
    ACTIVATIONS,
    BLEND,
    LINEAR,
    PAIRINGS,
    Node,
    Recipe,
    X,
    new,
    previous,
)

HIDDEN_STATES = (1, 2, 3)
INTERMEDIATE = (7, 14, 21)
"""Numbers of intermediate nodes that cells are generated with."""
_KINDS = (LINEAR, BLEND, *PAIRINGS)
_WEIGHTS = (1 / 2, 1 / 6, 1 / 6, 1 / 6)
_PROBABILITY_OF_TWO = 4 / 5


def draw(rng: Generator) -> Recipe:
    """A cell, the numbers of hidden states and of intermediate nodes drawn uniformly.

    A draw that the rules refuse is repeated with the same numbers.
    """
    hidden = HIDDEN_STATES[int(rng.integers(len(HIDDEN_STATES)))]
    intermediate = INTERMEDIATE[int(rng.integers(len(INTERMEDIATE)))]
    while True:
        recipe = _with_states(_graph(hidden, hidden + intermediate, rng), hidden, rng)
        read = {name for node in recipe for name in node.inputs}
        states = {previous(place) for place in range(hidden)}
        outputs = {new(place) for place in range(hidden)}
        if {X, *states} <= read and not any(
            node.name in outputs and states & set(node.inputs) for node in recipe
        ):
            return recipe


def _graph(hidden: int, least: int, rng: Generator) -> list[Node]:
    """At least so many nodes, also such as nobody reads."""
    states = [previous(place) for place in range(hidden)]
    nodes: list[Node] = []
    activations: list[str] = []
    while len(nodes) < least:
        kind = _KINDS[int(rng.choice(len(_KINDS), p=_WEIGHTS))]
        name = f"node_{len(nodes)}"
        if kind == LINEAR:
            count = 2 if rng.random() < _PROBABILITY_OF_TWO else 3
            places = [X, *states, *activations]
            nodes.append(Node(name, kind, _some(places, min(count, len(places)), rng)))
            activation = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]
            activations.append(f"node_{len(nodes)}")
            nodes.append(Node(activations[-1], activation, (name,)))
            continue
        count = 3 if kind == BLEND else 2
        places = [*states, *(node.name for node in nodes)]
        if count <= len(places):
            nodes.append(Node(name, kind, _some(places, count, rng)))
    return nodes


def _some(names: list[str], count: int, rng: Generator) -> tuple[str, ...]:
    """So many different ones in random order."""
    return tuple(names[int(i)] for i in rng.permutation(len(names))[:count])


def _with_states(nodes: list[Node], hidden: int, rng: Generator) -> Recipe:
    """Random nodes as the new hidden states, at the end; without nodes that these do not need."""
    chosen = [nodes[int(i)].name for i in rng.permutation(len(nodes))[:hidden]]
    renamed = {name: new(place) for place, name in enumerate(chosen)}
    by_name = {
        renamed.get(node.name, node.name): tuple(renamed.get(i, i) for i in node.inputs)
        for node in nodes
    }
    needed = set(renamed.values())
    waiting = list(needed)
    while waiting:
        for name in by_name.get(waiting.pop(), ()):
            if name not in needed:
                needed.add(name)
                waiting.append(name)
    operations = {renamed.get(node.name, node.name): node.operation for node in nodes}
    ordered = [node.name for node in nodes if node.name not in renamed] + list(renamed.values())
    return tuple(Node(n, operations[n], by_name[n]) for n in ordered if n in needed)
