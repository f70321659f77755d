"""Baselines that need no training-free theory: parameters, FLOPs, depth, weight norm, chance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.account.account import Account, Node, children_of
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.quiet import quiet
from untrained.indicators.quantities.substituted import Substituted

PROTOCOL = Protocol(inputs="none", batch_size=1, labels="none")
_trivial = partial(
    indicator,
    reference="trivial baseline",
    protocol=PROTOCOL,
    family=Family.BASELINE,
    follows_initialisation=False,
)


@_trivial(
    title="Parameters",
    formula="number of parameters",
    cost="none",
)
def params(m: Measurement) -> float:
    """The number of parameters, a shared one counted once and a complex one as two."""
    return float(sum(p.numel() * (2 if p.is_complex() else 1) for p in m.network.parameters()))


@_trivial(
    title="FLOPs (multiply-accumulates)",
    formula="multiply-accumulates of convolutions and matrix products, one input",
    cost="1 forward",
    deviations="Additions, pooling, normalisation and activations are not counted.",
)
def flops(m: Measurement) -> float:
    """Multiply-accumulates (half of the floating-point operations) of one input's forward pass.

    Dead convolutions are executed and so they count.
    """
    # the counter cannot follow a view of a parameter that is returned
    constants = {name: p.detach() for name, p in m.network.named_parameters()}
    # batch statistics do not exist for one value a channel
    with (
        m.batch_norms_evaluated(),
        torch.no_grad(),
        quiet(),
        _plain_recurrence(),
        _Counter() as counter,
    ):
        Substituted(m.network, constants)(m.inputs[:1].clone())
    return float(counter.total) / 2


class _Counter(TorchDispatchMode):
    """Counts floating-point operations by torch's formulas.

    Torch's own counter also tells them by module, and imports the compiler, which takes seconds.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: float = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        output = func(*args, **kwargs)
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=output)
        return output


def _trilinear_flops(a: list[int], weight: list[int], *_: Any, **__: Any) -> int:
    """Twice the multiply-accumulates of a bilinear layer: outputs x left x right for each row."""
    return 2 * prod(a[:-1]) * prod(weight)


def _vector_flops(matrix: list[int], vector: list[int], *_: Any, **__: Any) -> int:
    return 2 * prod(matrix)


_UNKNOWN_TO_TORCH: dict[Any, Any] = {
    torch.ops.aten._trilinear: _trilinear_flops,
    torch.ops.aten.mv: _vector_flops,
    torch.ops.aten.dot: _vector_flops,
}
_FORMULAS: dict[Any, Any] = flop_registry | {
    operation: shape_wrapper(formula)  # type: ignore[no-untyped-call]
    for operation, formula in _UNKNOWN_TO_TORCH.items()
}


@contextmanager
def _plain_recurrence() -> Iterator[None]:
    """While entered, an LSTM is made of matrix products, not of one operation of its own."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


@_trivial(
    title="Depth",
    formula="convolutional and linear layers on the longest path from input to logits",
    cost="1 forward",
    deviations="The path is that of the autograd graph: a zeroed edge still connects.",
)
def depth(m: Measurement) -> float:
    """The largest number of convolutional and linear layers that any path crosses."""
    x = m.inputs[:1].clone()
    account = Account(m.network, x)
    # batch statistics do not exist for one value a channel
    with m.batch_norms_evaluated():
        account.logits = logits = logits_of(m.network, x, account)
    account.check(each=True)
    layers = {a.edge.node for a in account.maps if a.edge is not None}
    # no graph: the logits depend on no parameter
    return float(_longest_path(logits.grad_fn, layers)) if logits.requires_grad else 0.0


def _longest_path(root: Node, counted: set[Node]) -> int:
    """The most `counted` nodes on any path down from `root`, without recursion."""
    best: dict[Node, int] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        children = children_of(node)
        waiting = [child for child in children if child not in best]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        best[node] = max((best[c] for c in children), default=0) + (node in counted)
    return best[root]


@indicator(
    title="L2 norm of weights",
    formula="sum over conv and linear layers of ||W_l||_2",
    reference="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021; as a baseline "
    "in Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022",
    protocol=PROTOCOL,
    cost="none",
    family=Family.BASELINE,
)
def l2_norm(m: Measurement) -> float:
    """Sum over layers of the Euclidean norm of the initial weights: a measure of size alone.

    Raises:
        Unsupported: the network has no convolutional or linear layer.
    """
    weights = layer_weights(m)
    if not weights:
        raise Unsupported("the network has no convolutional or linear layer")
    return sum(numbers(torch._foreach_norm([weight.detach() for weight in weights.values()])))


@_trivial(
    title="Random",
    formula="uniform on [0, 1)",
    needs={Need.RANDOMNESS},
    cost="none",
)
def random(m: Measurement) -> float:
    """A uniform random number from the measurement's own generator: what chance achieves."""
    return float(torch.rand((), generator=m.generator("random"), dtype=torch.float64))
