"""Number of weight layers on the longest path."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from untrained.indicators.indicator import Family, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.forward import logits_of

Node = Any  # an autograd node; torch has no public type for it


@indicator(
    title="Depth",
    formula="convolutional and linear layers on the longest path from input to logits",
    reference="trivial baseline",
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="1 forward",
    family=Family.BASELINE,
    follows_initialisation=False,
    deviations="The path is that of the autograd graph: a zeroed edge still connects.",
)
def depth(m: Measurement) -> float:
    """The largest number of convolutional and linear layers that any path crosses."""
    layers: set[Node] = set()

    def note(module: nn.Module, args: object, output: Tensor) -> None:
        layers.add(output.grad_fn)

    handles = [
        module.register_forward_hook(note)
        for module in m.network.modules()
        if isinstance(module, _ConvNd | nn.Linear)
    ]
    m.network.eval()  # batch statistics do not exist for one value a channel
    try:
        logits = logits_of(m.network, m.inputs[:1].clone())
    finally:
        m.restore_mode()
        for handle in handles:
            handle.remove()
    # no graph: the logits depend on no parameter
    return float(_longest_path(logits.grad_fn, layers)) if logits.requires_grad else 0.0


def _longest_path(root: Node, counted: set[Node]) -> int:
    """The most `counted` nodes on any path down from `root`, without recursion."""
    best: dict[Node, int] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        children = [child for child, _ in node.next_functions if child is not None]
        waiting = [child for child in children if child not in best]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        best[node] = max((best[c] for c in children), default=0) + (node in counted)
    return best[root]
