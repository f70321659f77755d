"""Which ReLUs lie on a path from the input to the logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from untrained.indicators.measurement import Measurement
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.relu_calls import ReluCalls
from untrained.indicators.quantity import quantity

_NUM_SAMPLES = 8


@quantity
def live_relus(m: Measurement) -> list[bool]:
    """For each application of a ReLU, in order, whether it is live.

    A ReLU is live when its input differs between samples and the logits have a gradient with
    respect to its output: one behind a `none` edge (multiplied by zero) or fed by a constant map is
    dead. Decided numerically, exact zeros, on up to eight samples: one small forward and backward
    pass. The logits are projected at random, because a plain sum has no gradient through a last
    batch normalisation.
    """
    inputs = m.inputs[:_NUM_SAMPLES]
    varies: list[bool] = []
    edges: list[GradientEdge | None] = []

    def before(x: Tensor) -> None:
        reference = x[:1] if x.shape[0] > 1 else torch.zeros_like(x)
        varies.append(bool((x.detach() != reference.detach()).any()))

    def after(x: Tensor) -> None:
        # the edge now: the network may write to the tensor later, which gives it another
        edges.append(get_gradient_edge(x) if x.requires_grad else None)

    with ReluCalls(before, after):
        logits = logits_of(m.network, inputs.clone())
    weights = torch.randn(logits.shape, generator=m.generator("live_relus"))
    projection = (logits * weights.to(logits)).sum()
    reached = [edge for edge in edges if edge is not None] if projection.requires_grad else []
    gradients = iter(torch.autograd.grad(projection, reached, allow_unused=True) if reached else ())
    live = []
    for varying, edge in zip(varies, edges, strict=True):
        gradient = next(gradients) if reached and edge is not None else None
        live.append(varying and gradient is not None and bool(gradient.any()))
    return live
