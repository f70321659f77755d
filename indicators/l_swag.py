"""L-SWAG: gradients that vary little between batches, times the number of activation patterns."""

from __future__ import annotations

import math

from torch import Tensor

from untrained.foundation import Parameter
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.activation_patterns import (
    num_sign_patterns,
    patterns_within,
    within,
)
from untrained.indicators.quantities.batch_gradients import batch_gradients


@indicator(
    title="L-SWAG",
    formula="sum over conv and linear layers of ln( sum_w 1 / std|g_w| ), over batches, times the "
    "number of distinct columns of [activation output > 0], (B, units)",
    reference="Casarin et al., L-SWAG: Layer-Sample Wise Activation with Gradients Information for "
    "Zero-Shot NAS on Vision Transformers, CVPR 2025, eqs. 1, 5, 7 and 8",
    needs={Need.LABELS, Need.GRADIENTS, Need.SECOND_BATCH},
    protocol=Protocol(batch_size=64, num_batches=2),
    cost="M + 1 forward, M backward",
    options={
        "first": Parameter(
            "share of the layers, and of the activations, ahead of the interval",
            least=0,
            most=1,
            default=0.0,
        ),
        "last": Parameter("share up to the end of the interval", least=0, most=1, default=1.0),
    },
    deviations="All layers by default: the paper takes an interval of layers for each space, which "
    "it chooses by eye of the gradients of 1,000 networks; its ablation has a rank correlation of "
    "0.78 with all layers and without patterns, and 0.79 with both (NAS-Bench-201, CIFAR-10). The "
    "paper gives no number of batches; two, as for ZiCo. There is no released code.",
)
def l_swag(m: Measurement) -> float:
    """The product of trainability and expressivity.

    The interval is of the layers in the order of their weights, and of the activations in the order
    of the pass. A weight whose gradient has the same size in every batch is left out, and so is a
    layer of such weights alone. -inf when no layer is left.
    """
    first, last = m.options.get("first", 0.0), m.options.get("last", 1.0)
    layers = within(batch_gradients(m), first, last)
    found = [value for value in numbers(map(_inverse_deviations, layers)) if value > 0]
    whole = (first, last) == (0.0, 1.0)
    patterns = num_sign_patterns(m) if whole else patterns_within(m, first, last)
    return sum(map(math.log, found)) * patterns if found else float("-inf")


def _inverse_deviations(gradients: Tensor) -> Tensor:
    """The sum over weights of the inverse deviation of the gradient's size; 0 without any."""
    sizes = gradients.double().flatten(1).abs()
    deviations = (sizes - sizes.mean(0)).square_().mean(0).sqrt_()
    return (1 / deviations[deviations > 0]).sum()
