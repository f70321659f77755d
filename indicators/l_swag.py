"""L-SWAG: gradients that vary little between batches, times the number of activation patterns."""

from __future__ import annotations

import math

from torch import Tensor

from untrained.indicators.framework.devices import numbers
from untrained.indicators.framework.indicator import Need, indicator
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.protocol import Protocol
from untrained.indicators.quantities.activation_patterns import num_sign_patterns
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
    deviations="All layers: the paper takes an interval of layers for each space, which it chooses "
    "by eye of the gradients of 1,000 networks; its ablation has 0.78 with all layers where the "
    "interval has 0.79 (rank correlation, NAS-Bench-201, CIFAR-10, without the patterns). The "
    "paper gives no number of batches; two, as for ZiCo. There is no released code.",
)
def l_swag(m: Measurement) -> float:
    """The product of trainability and expressivity.

    A weight whose gradient has the same size in every batch is left out, and so is a layer of such
    weights alone. -inf when no layer is left.
    """
    sums = [_inverse_deviations(gradients) for gradients in batch_gradients(m)]
    found = [value for value in numbers(sums) if value > 0]
    patterns = num_sign_patterns(m)
    return sum(map(math.log, found)) * patterns if found else float("-inf")


def _inverse_deviations(gradients: Tensor) -> Tensor:
    """The sum over weights of the inverse deviation of the gradient's size; 0 without any."""
    sizes = gradients.double().flatten(1).abs()
    deviations = (sizes - sizes.mean(0)).square_().mean(0).sqrt_()
    return (1 / deviations[deviations > 0]).sum()
