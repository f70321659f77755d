"""The notation of NAS-Bench-NLP: a recurrent cell as a JSON object of named nodes.

`{"f":{"op":"linear","input":["x","h_prev_0"]},"h_new_0":{"op":"activation_tanh","input":["f"]}}`:
a node applies an operation to other nodes, to the time step `x` or to a hidden state `h_prev_i`;
the nodes `h_new_i` are the new hidden states, of which `h_new_0` is the cell's output.
Reference: Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.random import Generator

from untrained.foundation import MalformedInput
from untrained.spaces.framework.product_space import pick

X = "x"
LINEAR = "linear"
ACTIVATIONS = ("activation_leaky_relu", "activation_sigm", "activation_tanh")
PAIRINGS = ("elementwise_prod", "elementwise_sum")
BLEND = "blend"
"""blend(a, b, c) = a b + (1 - a) c."""
OPERATIONS = (LINEAR, *ACTIVATIONS, *PAIRINGS, BLEND)
_NUM_INPUTS = {**dict.fromkeys(ACTIVATIONS, 1), **dict.fromkeys(PAIRINGS, 2), BLEND: 3}
"""Of a linear node: any number from 1."""
LONGEST = 20_000
"""Characters; the published recipes have fewer than 2,000."""
MOST_NODES = 100
MOST_INPUTS = 16
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,39}")
_NEW = re.compile("h_new_(0|[1-9][0-9]?)")


class Node(NamedTuple):
    """One node of a cell."""

    name: str
    operation: str
    inputs: tuple[str, ...]


Recipe = tuple[Node, ...]
"""The nodes in the order they are written in, which need not be that of their computation."""


def previous(place: int) -> str:
    """The name of a hidden state of the time step before."""
    return f"h_prev_{place}"


def new(place: int) -> str:
    """The name of the node that is a hidden state of this time step."""
    return f"h_new_{place}"


def num_hidden(recipe: Recipe) -> int:
    """The number of hidden states."""
    return sum(bool(_NEW.fullmatch(node.name)) for node in recipe)


def format_node(node: Node) -> str:
    """A node's part of the notation."""
    inputs = ",".join(f'"{name}"' for name in node.inputs)
    return f'"{node.name}":{{"op":"{node.operation}","input":[{inputs}]}}'


def format_recipe(recipe: Sequence[Node]) -> str:
    """The notation: nodes in their order, no white space."""
    return f"{{{','.join(map(format_node, recipe))}}}"


def read_recipe(text: str) -> Recipe:
    """The nodes of a cell.

    Raises:
        MalformedInput: the text is no cell; the message names the node and what was expected.
    """
    if len(text) > LONGEST:
        raise malformed(text[:80], f"it has {len(text):,} characters, more than {LONGEST:,}")
    try:
        found = json.loads(text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise malformed(text, f"it is no JSON ({error})") from error
    if not isinstance(found, dict) or not 1 <= len(found) <= MOST_NODES:
        raise malformed(text, f"it is no object of 1 to {MOST_NODES} nodes")
    recipe = tuple(_node(name, entry, text) for name, entry in found.items())
    _check_states(recipe, text)
    computed = order(recipe)
    if len(computed) < len(recipe):
        stuck = {node.name for node in recipe} - {recipe[place].name for place in computed}
        raise malformed(text, f"the nodes {', '.join(sorted(stuck))} wait for each other")
    return recipe


def order(recipe: Recipe) -> tuple[int, ...]:
    """Places of the nodes, each after all that it reads; those that wait in a circle are left out.

    Among nodes that can be computed the one written first comes first.
    """
    place = {node.name: number for number, node in enumerate(recipe)}
    done: dict[int, None] = {}
    progress = True
    while progress:
        progress = False
        for number, node in enumerate(recipe):
            if number in done:
                continue
            if all(name not in place or place[name] in done for name in node.inputs):
                done[number] = None
                progress = True
    return tuple(done)


def malformed(text: str, reason: str) -> MalformedInput:
    """The error for a text that is no cell."""
    return MalformedInput(
        f"{text!r} is not a NAS-Bench-NLP cell: {reason} (write a JSON object of nodes such as "
        '"h_new_0": {"op": "linear", "input": ["x", "h_prev_0"]})'
    )


def _node(name: str, entry: Any, text: str) -> Node:
    if not _NAME.fullmatch(name):
        raise malformed(
            text, f"a node is called {name!r}, not by up to 40 letters, digits and underscores"
        )
    if name == X or name.startswith("h_prev_"):
        raise malformed(text, f"a node is called {name!r}, which is an input of the cell")
    if not isinstance(entry, dict) or set(entry) != {"op", "input"}:
        raise malformed(text, f"the node {name} is not an object with op and input")
    operation, inputs = entry["op"], entry["input"]
    if operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise malformed(text, f"the op of {name} is {operation!r}, not one of {known}")
    if not isinstance(inputs, list) or not all(isinstance(i, str) for i in inputs):
        raise malformed(text, f"the input of {name} is not a list of names")
    wanted = _NUM_INPUTS.get(operation)
    if len(inputs) != wanted and (wanted or not 1 <= len(inputs) <= MOST_INPUTS):
        raise malformed(
            text,
            f"{name} has {len(inputs)} inputs, but {operation} reads "
            f"{wanted or f'1 to {MOST_INPUTS}'}",
        )
    if operation != LINEAR and X in inputs:
        raise malformed(
            text, f"{name} applies {operation} to x, whose width is another; only linear reads x"
        )
    return Node(name, operation, tuple(inputs))


def _check_states(recipe: Recipe, text: str) -> None:
    states = {node.name for node in recipe if node.name.startswith("h_new_")}
    states = {name for name in states if name[len("h_new_") :].isdigit()}
    count = len(states)
    if not count or states != {new(place) for place in range(count)}:
        raise malformed(
            text,
            f"its hidden states are {', '.join(sorted(states)) or 'none'}, not h_new_0 and so on",
        )
    known = {node.name for node in recipe} | {X} | {previous(place) for place in range(count)}
    for node in recipe:
        for name in node.inputs:
            if name not in known:
                raise malformed(
                    text,
                    f"{node.name} reads {name!r}, which is no node, not x and none of "
                    f"{', '.join(previous(place) for place in range(count))}",
                )


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number here")


HIDDEN_STATES = (1, 2, 3)
INTERMEDIATE = (7, 14, 21)
"""Numbers of intermediate nodes that cells are generated with."""
_KINDS = (LINEAR, BLEND, *PAIRINGS)
_WEIGHTS = (1 / 2, 1 / 6, 1 / 6, 1 / 6)
_PROBABILITY_OF_TWO = 4 / 5


def draw(rng: Generator) -> Recipe:
    """Draw a cell by the rules that those of the benchmark were generated with.

    Nodes are added until there are as many as the hidden states and the intermediate nodes
    together: a linear node with probability 1/2, followed by an activation of it, a blend, a
    product or a sum with 1/6 each. A linear node reads two (4/5) or three (1/5) of x, the hidden
    states and the activations; the others read hidden states and any earlier nodes. Random nodes
    then become the new hidden states, and what none of these needs is dropped. A cell is kept if
    it uses x and every hidden state and if no new hidden state reads an old one directly.
    Reference: Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022, and the authors' generator.
    """
    hidden, intermediate = pick(HIDDEN_STATES, rng), pick(INTERMEDIATE, rng)
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
            activations.append(f"node_{len(nodes)}")
            nodes.append(Node(activations[-1], pick(ACTIVATIONS, rng), (name,)))
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
