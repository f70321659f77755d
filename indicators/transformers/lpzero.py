"""LPZero: the score that a search over symbolic scores found for language models."""

from __future__ import annotations

from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.attention import logit_sum_gradients, mixings


@indicator(
    title="LPZero",
    formula="mean over weights W that enter attention of mean W^2 + mean softmax(dR/dW)^2, softmax "
    "over rows, R: sum of the logits",
    reference="Dong et al., LPZero: Language Model Zero-cost Proxy Search from Zero, Findings of "
    "EMNLP 2024, and its code",
    needs={Need.ATTENTION, Need.GRADIENTS},
    protocol=Protocol(inputs="images", batch_size=128, labels="none"),
    cost="1 forward, 1 backward",
    family=Family.ATTENTION,
    uses_accuracy=True,
    deviations="The gradient is that of the sum of the logits. The authors take that of the sum of "
    "a layer norm's output, which is zero but for rounding, so that their softmax is one over the "
    "number of rows.",
)
def lpzero(m: Measurement) -> float:
    """The mean square of attention's weights and of the softmax of their gradients.

    Raises:
        Unsupported: the network has no attention.
    """
    gradients = logit_sum_gradients(m)
    pairs = [gradients[id(a)] for a in mixings(m).entering]
    found = numbers(
        w.double().square().mean() + g.double().softmax(0).square().mean() for w, g in pairs
    )
    return sum(found) / len(found)
