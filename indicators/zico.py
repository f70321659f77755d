"""ZiCo: gradients that are large and agree between batches."""

from __future__ import annotations

import math

from torch import Tensor

from untrained.indicators.framework.devices import numbers
from untrained.indicators.framework.indicator import Need, indicator
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.protocol import Protocol
from untrained.indicators.quantities.batch_gradients import batch_gradients


@indicator(
    title="ZiCo",
    formula="sum over conv and linear layers of ln( sum_w mean|g_w| / std(g_w) ), over batches",
    reference="Li et al., ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients, "
    "ICLR 2023",
    needs={Need.LABELS, Need.GRADIENTS, Need.SECOND_BATCH},
    protocol=Protocol(batch_size=128, num_batches=2),
    cost="M forward, M backward",
    class_invariant=True,
    deviations="Mean and standard deviation (dividing by the number of batches) are taken in "
    "float64; which gradients are equal in all batches depends on rounding either way.",
)
def zico(m: Measurement) -> float:
    """Sum over layers of the logarithm of the summed signal-to-noise ratio of the gradients.

    A weight whose gradient is the same in every batch has no ratio and is left out, and so is a
    layer of such weights alone: one on no live path. -inf when no layer is left.
    """
    parts = [_mean_and_deviation(gradients) for gradients in batch_gradients(m)]
    counts = numbers((deviation > 0).sum() for _, deviation in parts)
    sums = []
    for (mean, deviation), count in zip(parts, counts, strict=True):
        if 0 < count < len(mean):  # else all vary, and need not be looked for
            varies = deviation > 0
            mean, deviation = mean[varies], deviation[varies]  # noqa: PLW2901
        if count:
            sums.append((mean / deviation).sum())
    return sum(map(math.log, numbers(sums))) if sums else float("-inf")


def _mean_and_deviation(gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Of each weight's gradients over the batches: mean absolute value and standard deviation."""
    g = gradients.double().flatten(1)
    # several times faster than `std` along an axis of a few batches
    return g.abs().mean(0), (g - g.mean(0)).square_().mean(0).sqrt_()
