"""Supernets: one network that holds every candidate operation on each edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces.framework.network import Network, fastest_layout, without_storage
from untrained.spaces.framework.supernet_layout import OperationMask, SupernetLayout


class EdgeWeights:
    """What the mixed edges of one network read: fixed weights, or those of the pass at hand."""

    def __init__(self, fixed: Sequence[Sequence[float]] | None = None) -> None:
        """Hold these weights (edges, operations) from the start, or none yet."""
        self._rows: Sequence[Sequence[float] | Tensor] | None = fixed

    def give(self, weights: Tensor) -> None:
        """Hold these (edges, operations) from here on."""
        # without a gradient the numbers themselves: a zero then shows that there is nothing to do
        wants_gradient = weights.requires_grad and torch.is_grad_enabled()
        self._rows = weights.unbind(0) if wants_gradient else weights.tolist()

    def take(self) -> None:
        """Hold none any more."""
        self._rows = None

    def row(self, edge: int) -> Sequence[float] | Tensor:
        """The weights of an edge's operations.

        Raises:
            RuntimeError: there are none.
        """
        if self._rows is None:
            raise RuntimeError(
                "the skeleton of a supernet was called by itself; call the supernet with weights"
            )
        return self._rows[edge]


class MixedEdge(nn.Module):
    """The weighted sum of some operations."""

    def __init__(
        self,
        operations: Mapping[int, tuple[str, nn.Module]],
        nothing: nn.Module,
        edge: int,
        weights: EdgeWeights,
    ) -> None:
        """Take the modules.

        Args:
            operations: name and module by the place of the weight among the edge's weights.
            nothing: gives zeros of the right shape.
        """
        super().__init__()
        self.operations = nn.ModuleDict(dict(operations.values()))
        self.nothing = nothing
        self._places = tuple(operations)
        self._edge = edge
        self._weights = weights

    def forward(self, x: Tensor) -> Tensor:
        """Zeros where no operation has a weight."""
        row = self._weights.row(self._edge)
        parts: list[Tensor] = []
        for place, operation in zip(self._places, self.operations.values(), strict=True):
            weight = row[place]
            if isinstance(weight, Tensor):
                parts.append(weight * operation(x))
            elif weight == 1:
                parts.append(operation(x))
            elif weight != 0:
                parts.append(weight * operation(x))
        if not parts:
            parts.append(self.nothing(x))
        return sum(parts[1:], start=parts[0])


class SupernetParts(Protocol):
    """What a search space says of its supernet."""

    @property
    def layout(self) -> SupernetLayout:
        """Its edges and operations."""

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """A network whose edges sum the mask's operations, weighted by what `weights` holds."""


class Supernet(nn.Module):
    """All operations on every edge; the architecture weights come with each batch.

    An edge gives the sum of its operations' outputs, each times its weight. An operation of weight
    zero is left out, so that one-hot weights cost what the one network costs and touch no other
    batch norm, unless the weights want a gradient, for which all are needed.

    Masked networks take their parameters from here without copying: what changes one changes all.
    Each of them has running statistics of its own, which start from those here.
    """

    def __init__(self, parts: SupernetParts) -> None:
        """Build all operations with the layers' default initialisation."""
        super().__init__()
        self.parts = parts
        self.weights = EdgeWeights()
        self.skeleton = parts.mixed(OperationMask.full(parts.layout), self.weights)

    @property
    def memory_format(self) -> torch.memory_format:
        """Return the layout that a measurement gives its inputs."""
        return fastest_layout(self)

    @property
    def layout(self) -> SupernetLayout:
        """What the axes of the architecture weights are."""
        return self.parts.layout

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Logits (batch, num_classes), differentiable in the weights.

        Args:
            x: images (batch, in_channels, H, W).
            weights: (edges, operations), in the order of `layout`.

        Raises:
            MalformedInput: the weights have another shape.
        """
        with self._given(weights):
            logits: Tensor = self.skeleton(x)
        return logits

    def features(self, x: Tensor, weights: Tensor) -> Tensor:
        """The map that is pooled into the classifier's input; see `Network.features`."""
        with self._given(weights):
            return self.skeleton.features(x)

    def stages(self, x: Tensor, weights: Tensor) -> list[Tensor]:
        """The maps before each spatial reduction and after the last cell; see `Network.stages`."""
        with self._given(weights):
            return self.skeleton.stages(x)

    def masked(self, mask: OperationMask) -> Network:
        """The network of a part of the supernet: k operations on an edge, each of weight 1 / k.

        As in TE-NAS, whose code leaves out operations of weight 0.01 or less: those are the ones
        that are gone. It shares the parameters of what is left, and has no others.

        Args:
            mask: of this supernet's layout; an edge without operations gives zeros.

        Raises:
            MalformedInput: the mask is of another supernet, or leaves a node without operations.
        """
        if mask.layout != self.layout:
            raise MalformedInput(
                f"a part of the supernet of {self.layout.space!r} was asked for, but the mask "
                f"{mask.text!r} is one of {mask.layout.space!r}; parse its text in the layout of "
                "this one"
            )
        for places in self.layout.nodes():
            if not any(mask.edges[e] for e in places):
                raise MalformedInput(
                    f"{mask.text!r} leaves no operation on any edge into the node of "
                    f"{self.layout.name_of(places[0])}; leave at least one"
                )
        fixed = EdgeWeights(mask.weights().tolist())
        with without_storage():
            network = self.parts.mixed(mask, fixed)
        for path, module in network.named_modules():
            prefix = f"{path}." if path else ""
            for short, _ in list(module.named_parameters(recurse=False)):
                setattr(module, short, self.skeleton.get_parameter(prefix + short))
            for short, _ in list(module.named_buffers(recurse=False)):
                setattr(module, short, self.skeleton.get_buffer(prefix + short).clone())
        return network.train(self.training)

    @contextmanager
    def _given(self, weights: Tensor) -> Iterator[None]:
        if tuple(weights.shape) != self.layout.shape:
            raise MalformedInput(
                f"the supernet of {self.layout.space!r} was given weights of the shape "
                f"{tuple(weights.shape)}; they are {self.layout.shape}: edges, operations"
            )
        self.weights.give(weights)
        try:
            yield
        finally:
            self.weights.take()
