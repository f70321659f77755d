"""An edge that mixes operations, and the weights that it mixes them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


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
            edge: place of the edge's weights.
            weights: where they are read from at each pass.
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
