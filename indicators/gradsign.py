"""GradSign: whether the samples agree on the direction of descent."""

from __future__ import annotations

import torch
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.forward import as_real, forward
from untrained.indicators.quantities.logit_gradients import each_gradient
from untrained.indicators.quantities.loss_gradients import class_labels


@indicator(
    title="GradSign",
    formula="sum over all parameters of | sum_b sign(dL_b/dw) |",
    reference="Zhang and Jia, GradSign: Model Performance Inference with Theoretical Insights, "
    "ICLR 2022",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, B backward",
)
def gradsign(m: Measurement) -> float:
    """Summed agreement of the signs of per-sample loss gradients.

    L_b is the cross-entropy of sample b in one forward pass of the batch. With batch statistics
    it depends on the other samples too, and so does its gradient: a batch of one would be
    normalised by itself, which is another network, and evaluation mode another one again. B
    backward passes through the shared graph, so the cost is O(B^2) samples.

    A parameter that the loss does not depend on adds nothing; the shift of a batch norm fed by
    zeros does, so architectures of one function may differ.
    """
    parameters = [p for p in m.network.parameters() if p.requires_grad]
    if not parameters:
        raise Unsupported("the network has no parameters")
    losses = functional.cross_entropy(forward(m).logits, class_labels(m), reduction="none")
    signs = [torch.zeros_like(as_real(parameter)) for parameter in parameters]
    for gradients in each_gradient(losses, parameters):
        pairs = [(s, as_real(g)) for s, g in zip(signs, gradients, strict=True) if g is not None]
        if pairs:
            totals, reals = zip(*pairs, strict=True)
            torch._foreach_add_(totals, torch._foreach_sign(reals))
    return sum(numbers(s.double().abs().sum() for s in signs))
