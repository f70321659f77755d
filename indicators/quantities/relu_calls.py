"""Applications of ReLU in a forward pass, and those that reach the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import children_of
from untrained.indicators.account.activation_calls import ActivationCalls
from untrained.indicators.account.known_modules import scripted
from untrained.indicators.quantities.forward import logits_of


class ReluCalls(ActivationCalls):  # type: ignore[no-untyped-call]
    """While entered, calls `before(input)` ahead of each ReLU and `after(output)` behind it.

    Each application is seen once, however it is spelled, one clipped from above (ReLU6) too; see
    `ActivationCalls`.
    """

    def __init__(
        self, before: Callable[[Tensor], None], after: Callable[[Tensor], None] | None = None
    ) -> None:
        """Watch with these callbacks; the input is seen before an in-place ReLU changes it."""
        self.others: set[str] = set()

        def seen(name: str, x: Tensor) -> None:
            if name == "relu":
                before(x)
            else:
                self.others.add(name)

        def done(name: str, x: Tensor) -> None:
            if name == "relu" and after is not None:
                after(x)

        super().__init__(seen, done)

    def check_relus(self, number: int) -> None:
        """Raise unless all activations of the pass were read, and the number of ReLUs is not 0.

        Raises:
            Unsupported: there is none, or what is no known activation may be one.
        """
        self.check()
        if not number:
            others = ", ".join(sorted(self.others))
            raise Unsupported(
                "the network applies no ReLU"
                + (f"; its activations are {others}" if others else "")
            )


_NUM_SAMPLES = 8


@quantity
def live_relus(m: Measurement) -> list[bool]:
    """For each application of a ReLU, in order, whether it is live.

    A ReLU is live when its input differs between samples and the logits have a gradient with
    respect to its output: one behind a `none` edge (multiplied by zero) or fed by a constant map is
    dead. Decided numerically, exact zeros, on up to eight samples: one small forward and backward
    pass. The logits are projected at random, because a plain sum has no gradient through a last
    batch normalisation.

    Raises:
        Unsupported: the place of a ReLU is not known, as a part of the network is scripted.
    """
    inputs = m.inputs[:_NUM_SAMPLES]
    varies: list[bool] = []
    places: list[int | None] = []

    def before(x: Tensor) -> None:
        reference = x[:1] if x.shape[0] > 1 else torch.zeros_like(x)
        varies.append(bool((x.detach() != reference.detach()).any()))
        places.append(calls.node)

    calls = ReluCalls(before)
    logits = logits_of(m.network, inputs.clone(), calls)
    weights = torch.randn(logits.shape, generator=m.generator("live_relus"))
    projection = (logits * weights.to(logits)).sum()
    nodes = nodes_below(projection, places, m)
    edges = [GradientEdge(nodes[place], 0) for place in places if place in nodes]
    gradients = iter(torch.autograd.grad(projection, edges, allow_unused=True) if edges else ())
    live = []
    for varying, place in zip(varies, places, strict=True):
        gradient = next(gradients) if place in nodes else None
        live.append(varying and gradient is not None and bool(gradient.any()))
    return live


def nodes_below(
    value: Tensor, places: Iterable[int | None], m: Measurement
) -> dict[int | None, Any]:
    """The nodes of the graph of a value, by their sequence numbers.

    Args:
        places: numbers of those that are wanted; None for what has no node.

    Raises:
        Unsupported: one is not there, and a part of the network is scripted.
    """
    found: dict[int | None, Any] = {}
    stack = [] if value.grad_fn is None else [value.grad_fn]
    while stack:
        node = stack.pop()
        if node._sequence_nr() not in found:
            found[node._sequence_nr()] = node
            stack.extend(children_of(node))
    if any(place not in found for place in places) and (name := scripted(m.network)) is not None:
        raise Unsupported(
            f"the module {name!r} is scripted or traced, so that a ReLU may have no place in the "
            "graph; measure the network before torch.jit.script or torch.jit.trace"
        )
    return found
