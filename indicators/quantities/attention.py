"""Where a forward pass mixes tokens: attention in any spelling, and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account, Node, children_of, walk
from untrained.indicators.account.applications import Application
from untrained.indicators.quantities.forward import forward, gradients_of


@dataclass(frozen=True, slots=True)
class Mixing:
    """One mixing of tokens, and the linear maps around it."""

    kind: Literal["attention", "window", "transform"]
    """`window`: attention to neighbours, as in a dynamic convolution, whose probabilities are not
    on the last axis."""
    entering: tuple[Application, ...]
    """The maps that make what is mixed: queries, keys, values; of a fused layer one for all."""
    leaving: tuple[Application, ...]
    """The maps that read the mixture first."""
    probabilities: Tensor | None
    """(batch x heads, or batch, heads, tokens, tokens); None where there are none."""


@dataclass(frozen=True, slots=True)
class Mixings:
    """The mixings of a pass, and its linear maps by their part in it."""

    all: tuple[Mixing, ...]
    inside: tuple[Application, ...]
    """All maps that enter or leave a mixing, in order."""
    entering: tuple[Application, ...]
    feed_forward: tuple[Application, ...]
    """The layers behind the first mixing that are neither inside nor the last, the classifier."""


@quantity
def mixings(m: Measurement) -> Mixings:
    """The mixings of the shared forward pass.

    Raises:
        Unsupported: the network has neither attention nor a Fourier transform of its tokens.
    """
    passed = forward(m)
    passed.account.check_reached()
    return mixings_of(passed.logits, passed.account)


def mixings_of(logits: Tensor, account: Account) -> Mixings:
    """Find the mixings in the graph of a pass, given its account, in which all weights are known.

    Attention is a softmax whose result meets other values in a matrix product, or torch's own
    function. The maps that enter are the nearest ones below the product; a map that does nothing
    but change the output of another one, as the further matrix of weighted multiplicative
    attention, brings that one with it, unless values are made of it.

    Raises:
        Unsupported: see `mixings`.
    """
    graph = _Graph(logits, account)
    places = {id(a): place for place, a in enumerate(account.maps)}
    found = sorted(
        graph.mixings(), key=lambda one: min((places[id(a)] for a in one.entering), default=-1)
    )
    if not found:
        raise Unsupported(
            "the network has no attention: no softmax is multiplied with other values, and no "
            "Fourier transform mixes tokens"
        )
    entering = _ordered(account, [a for one in found for a in one.entering])
    inside = _ordered(account, [*entering, *(a for one in found for a in one.leaving)])
    if not entering:
        raise Unsupported("the network's attention reads values that no linear map has made")
    known = {id(a) for a in inside}
    first = next(place for place, a in enumerate(account.maps) if id(a) in known)
    others = tuple(
        a
        for a in account.maps[first:-1]
        if id(a) not in known and (len(a.shape) == 2 or a.operation.startswith("conv"))
    )
    return Mixings(tuple(found), inside, entering, others)


def _ordered(account: Account, applications: list[Application]) -> tuple[Application, ...]:
    known = {id(a) for a in applications}
    return tuple(a for a in account.maps if id(a) in known)


class _Graph:
    """The autograd graph of a pass, with the linear maps at their nodes."""

    def __init__(self, logits: Tensor, account: Account) -> None:
        self.maps: dict[Node, Application] = {a.edge.node: a for a in account.maps if a.edge}
        self.parents: dict[Node, list[Node]] = {}
        self.nodes: list[Node] = []
        stack = [logits.grad_fn] if logits.grad_fn is not None else []
        seen = set(stack)
        while stack:
            node = stack.pop()
            self.nodes.append(node)
            for child, _ in node.next_functions:
                if child is None:
                    continue
                self.parents.setdefault(child, []).append(node)
                if child not in seen:
                    seen.add(child)
                    stack.append(child)

    def mixings(self) -> Iterator[Mixing]:
        """All mixings, in no order."""
        transforms: set[tuple[int, ...]] = set()
        for node in self.nodes:
            name = node.name()
            if name.startswith(("SoftmaxBackward", "SafeSoftmaxBackward")):
                for product in self._products(node):
                    values = [c for c in children_of(product) if not self._reaches(c, node)]
                    yield self._mixing(_kind(node), product, node._saved_result, values)
            elif name.startswith("ScaledDotProduct"):
                values = [node.next_functions[2][0]]
                yield self._mixing("attention", node, _fused_probabilities(node), values)
            elif name.startswith("Fft"):
                mixing = self._mixing("transform", node, None, [node])
                names = tuple(map(id, mixing.entering))
                if names not in transforms:  # a transform over two axes has several nodes
                    transforms.add(names)
                    yield mixing

    def _mixing(
        self, kind: Any, node: Node, probabilities: Tensor | None, values: list[Node]
    ) -> Mixing:
        entering = list(self._nearest(node, children_of))
        of_values = {id(a) for value in values for a in self._nearest_of(value)}
        leaving: list[Application] = []
        if kind != "transform":
            for application in entering:  # grows
                if id(application) not in of_values:
                    entering += self._behind(application)
            leaving = list(self._nearest(node, lambda n: self.parents.get(n, [])))
        kept = None if probabilities is None else probabilities.detach()
        return Mixing(kind, tuple(entering), tuple(leaving), kept)

    def _nearest_of(self, node: Node) -> Iterator[Application]:
        """The first maps on every path from a node, itself included."""
        if node in self.maps:
            yield self.maps[node]
        else:
            yield from self._nearest(node, children_of)

    def _reaches(self, node: Node, wanted: Node) -> bool:
        """Whether a path without a map leads from one node to another."""
        return wanted in walk([node], lambda n: [] if n in self.maps else children_of(n))

    def _nearest(
        self, start: Node, following: Callable[[Node], list[Node]]
    ) -> Iterator[Application]:
        """The first maps on every path from a node."""
        for node in walk(following(start), lambda n: [] if n in self.maps else following(n)):
            if node in self.maps:
                yield self.maps[node]

    def _behind(self, application: Application) -> list[Application]:
        """The map whose output this one alone reads, and nothing between them changes."""
        assert application.edge is not None
        node = application.edge.node
        while True:
            # the weight's own branch ends in a parameter: one branch leads to data
            below = [child for child in children_of(node) if not _is_leaf(child)]
            if len(below) != 1 or len(self.parents[below[0]]) != 1:
                return []
            node = below[0]
            if node in self.maps:
                return [self.maps[node]]
            if not node.name().startswith(_LAYOUT):
                return []

    def _products(self, softmax: Node) -> list[Node]:
        """The matrix products that read a softmax, through what only scales or moves it."""
        kinds = ("Bmm", "Mm", "Baddbmm")

        def onward(node: Node) -> list[Node]:
            moves = node.name().startswith((*_LAYOUT, "Mul", "Div", "NativeDropout"))
            stops = node in self.maps or node.name().startswith(kinds) or not moves
            return [] if stops else self.parents.get(node, [])

        found = []
        for node in walk(self.parents.get(softmax, []), onward):
            if node not in self.maps and node.name().startswith(kinds):
                below = [next(self._nearest_of(child), None) for child in children_of(node)]
                if len([a for a in below if a is not None]) > 1:
                    found.append(node)
        return found


_LAYOUT = (
    "View", "UnsafeView", "Reshape", "T", "Transpose", "Permute", "Expand", "Clone", "Unsqueeze",
    "Squeeze", "Alias", "AsStrided", "ToCopy", "Slice", "Select", "Split", "Unbind", "Addmm", "Mm",
    "Bmm", "Unfold",
)  # fmt: skip
"""Beginnings of the names of nodes that move values; a linear layer of several axes is a view."""


def _is_leaf(node: Node) -> bool:
    while not hasattr(node, "variable"):
        below = children_of(node)
        if len(below) != 1:
            return False
        node = below[0]
    return True


def _kind(softmax: Node) -> Literal["attention", "window"]:
    axes = softmax._saved_result.dim()
    return "attention" if softmax._saved_dim % 2**64 in (axes - 1, 2**64 - 1) else "window"


def _fused_probabilities(node: Node) -> Tensor:
    """The probabilities that torch's attention does not keep, from queries and keys."""
    query, key = node._saved_query.detach(), node._saved_key.detach()
    scale = getattr(node, "_saved_scale", None)
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    mask = getattr(node, "_saved_attn_mask", None)
    if getattr(node, "_saved_is_causal", False):
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    elif mask is not None:
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
        scores = scores + mask
    chances: Tensor = scores.softmax(-1)
    return chances


@quantity
def logit_sum_gradients(m: Measurement) -> dict[int, tuple[Tensor, Tensor]]:
    """The weight of each linear map and the gradient of the sum of all logits, by `id` of the map.

    Raises:
        Unsupported: the part of a parameter is not known.
    """
    passed = forward(m)
    passed.account.check()
    applications = [a for a in passed.account.maps if a.weight is not None]
    tensors = {id(a.weight.tensor): a.weight.tensor for a in applications if a.weight}
    gradients = dict(
        zip(tensors, gradients_of(passed.logits.sum(), list(tensors.values())), strict=True)
    )
    return {
        id(a): (a.weight.tensor.detach(), gradients[id(a.weight.tensor)])
        for a in applications
        if a.weight
    }
