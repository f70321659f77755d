"""Applications of ReLU in a forward pass, and those that reach the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.forward import logits_of

_RELUS = frozenset(
    {
        functional.relu,
        functional.relu6,
        torch.relu,
        torch.relu_,
        Tensor.relu,
        Tensor.relu_,
    }
)


def _is_relu(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if func in (functional.hardtanh, functional.hardtanh_):  # what `nn.ReLU6` calls, with (0, 6)
        lower = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
        return bool(lower == 0)
    return func in _RELUS


class ReluCalls(TorchFunctionMode):
    """While entered, calls `before(input)` ahead of each ReLU and `after(output)` behind it.

    ReLU modules, shared modules and `torch.relu` on a tensor are all seen, each application once;
    so are ReLUs clipped from above (ReLU6).
    """

    def __init__(
        self,
        before: Callable[[Tensor], None],
        after: Callable[[Tensor], None] | None = None,
    ) -> None:
        """Watch with these callbacks; the input is seen before an in-place ReLU changes it."""
        super().__init__()
        self._before = before
        self._after = after

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Pass every call on, telling of the ReLUs."""
        kwargs = kwargs or {}
        if not _is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        self._before(args[0] if args else kwargs["input"])
        output = func(*args, **kwargs)
        if self._after is not None:
            self._after(output)
        return output


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
