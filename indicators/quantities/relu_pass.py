"""A forward pass of the network as it is, with the correlations and the places of its ReLUs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.relu_calls import ReluCalls, nodes_below

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ReluPlace:
    """One application of a ReLU."""

    correlation: Tensor
    """Pearson correlations between the samples' inputs, (B, B) float64; NaN for a constant one."""
    node: int | None
    """Sequence number of its node in the graph; None without a gradient."""
    cell: int | None
    """Number of the cell that it is in, or the number of cells behind the last one; None ahead of
    the first, and in a network without cells."""


@dataclass(frozen=True, slots=True)
class ReluPass:
    """The first batch's pass, in which every ReLU is applied, dead ones too."""

    inputs: Tensor
    """Leaf with a gradient."""
    logits: Tensor
    relus: list[ReluPlace]
    num_cells: int
    """0 for a network without cells."""


def correlation(rows: Tensor) -> Tensor:
    """Pearson correlations between rows (B, ...), (B, B) float64; NaN for a constant row."""
    flat = rows.detach().flatten(1).double()
    centred = flat - flat.mean(1, keepdim=True)
    norms = centred.norm(dim=1)
    unit = centred / torch.where(norms > 0, norms, torch.nan)[:, None]
    return unit @ unit.t()


@quantity
def relu_pass(m: Measurement) -> ReluPass:
    """One forward pass with a graph, in which cells leave nothing out.

    Raises:
        Unsupported: the network applies no ReLU, one of an activation that cannot be read, or one
            to a tensor whose first axis is not the batch; the inputs are whole numbers.
    """
    leaf = m.inputs.detach().clone()
    if not leaf.is_floating_point():
        raise Unsupported(f"the inputs are whole numbers ({leaf.dtype}), which have no gradient")
    leaf.requires_grad_()
    relus: list[ReluPlace] = []
    cells = getattr(m.network, "cells", ())

    def before(x: Tensor) -> None:
        if x.dim() < 2 or len(x) != len(leaf):
            raise Unsupported(
                f"a ReLU is applied to a tensor of shape {tuple(x.shape)}, whose first axis is not "
                f"the batch of {len(leaf)}"
            )
        with torch.no_grad():
            relus.append(ReluPlace(correlation(x), calls.node, counter.cell))

    calls = ReluCalls(before)
    counter = _Cells(cells if isinstance(cells, nn.ModuleList | nn.Sequential) else ())
    with counter.counting():
        logits = logits_of(m.network, leaf.clone(), calls)
    calls.check_relus(len(relus))
    return ReluPass(leaf, logits, relus, counter.number)


def relu_gradients(m: Measurement, value: Tensor, of: Callable[[Tensor], V]) -> list[V | None]:
    """What a function makes of a scalar's gradient at each ReLU's input; None without a gradient.

    One backward pass through the graph of `relu_pass`, in which no gradient is kept.

    Args:
        value: computed of its logits.

    Raises:
        Unsupported: the place of a ReLU is not known, as a part of the network is scripted.
    """
    passed = relu_pass(m)
    found: dict[int, V] = {}
    places = [relu.node for relu in passed.relus]
    nodes = nodes_below(value, places, m)

    def listener(place: int) -> Callable[..., None]:
        def listen(of_inputs: Any, of_outputs: Any) -> None:
            for gradient in of_inputs:
                if gradient is not None:
                    found[place] = of(gradient.detach())
                    return

        return listen

    known = (place for place in places if place is not None and place in nodes)
    with together(*(nodes[place].register_hook(listener(place)) for place in known)):
        if value.requires_grad:
            torch.autograd.grad(value, passed.inputs, retain_graph=True, allow_unused=True)
    return [None if place is None else found.get(place) for place in places]


class _Cells:
    """Knows which cell of a network is at work."""

    def __init__(self, cells: Any) -> None:
        self._cells = list(cells)
        self.number = len(self._cells)
        self.cell: int | None = None

    def counting(self) -> AbstractContextManager[None]:
        """While entered, `cell` follows the forward pass."""
        return together(
            *(
                handle
                for place, module in enumerate(self._cells)
                for handle in (
                    module.register_forward_pre_hook(self._at(place), prepend=True),
                    module.register_forward_hook(self._at(place + 1)),
                )
            )
        )

    def _at(self, place: int) -> Callable[..., None]:
        def note(*_: Any) -> None:
            self.cell = place

        return note
