"""ZiCo: gradients that are large and agree between batches; ZiCo-BC: less a penalty of depth."""

from __future__ import annotations

import math

from torch import Tensor

from untrained.foundation import Parameter
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.batch_gradients import batch_gradients
from untrained.indicators.quantities.forward import forward
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantities.loss_gradients import layer_gradients


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


BETA = 1.0


@indicator(
    title="ZiCo-BC",
    formula="ZiCo - beta * sum over conv and linear layers of ln( H W / sqrt(C) ), of their "
    "outputs",
    reference="Bhardwaj et al., ZiCo-BC: A Bias Corrected Zero-Shot NAS for Vision Tasks, ICCV "
    "Workshops 2023, eq. 2",
    needs={Need.LABELS, Need.GRADIENTS, Need.SECOND_BATCH},
    protocol=zico.protocol,
    cost="M forward, M backward",
    class_invariant=True,
    options={"beta": Parameter("weight of the penalty", least=0, default=BETA)},
    deviations="As zico. beta is 1 by default, the authors' for classification and detection, and "
    "2 for segmentation; they raise it space by space until the networks that a search keeps are "
    "no longer the deepest, and name no value for NATS-Bench. Every application of a layer that "
    "reaches the logits is penalised.",
)
def zico_bc(m: Measurement) -> float:
    """ZiCo less a penalty for maps that are large and have few channels.

    A layer whose output has no positions, as a classifier's, has H W = 1.

    Raises:
        Unsupported: an axis of a layer's output is not known.
    """
    return zico(m) - m.options.get("beta", BETA) * depth_penalty(m)


def depth_penalty(m: Measurement) -> float:
    """Sum over layers of ln(H W / sqrt(C)): large maps and few channels.

    A layer on no live path, whose gradient is zero, is left out, as ZiCo leaves it out.
    """
    sizes = numbers(gradient.count_nonzero() for _, gradient in layer_gradients(m))
    dead = {name for name, size in zip(layer_weights(m), sizes, strict=True) if not size}
    penalty = 0.0
    for layer in forward(m).layers:
        if layer.weight is not None and layer.weight.key in dead:
            continue
        rows = layer.by_sample(layer.tensor, len(m.inputs))
        channels = rows.shape[-1]
        penalty += math.log(rows[0].numel() / channels / math.sqrt(channels))
    return penalty


def _mean_and_deviation(gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Of each weight's gradients over the batches: mean absolute value and standard deviation."""
    g = gradients.double().flatten(1)
    # several times faster than `std` along an axis of a few batches
    return g.abs().mean(0), (g - g.mean(0)).square_().mean(0).sqrt_()
