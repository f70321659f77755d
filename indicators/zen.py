"""Zen-Score: how strongly the features answer to a perturbation of the input."""

from __future__ import annotations

import math

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.perturbation import perturbation

PROTOCOL = Protocol(inputs="gaussian", batch_size=64, labels="none")


@indicator(
    title="Zen-Score",
    formula="ln E|| F(x + 0.01 e) - F(x) ||_2 + sum over batch norms of ln sqrt(mean channel var)",
    reference="Lin et al., Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, "
    "ICCV 2021",
    needs={Need.STAGES, Need.RANDOMNESS},
    protocol=PROTOCOL,
    cost="2 forward",
    follows_initialisation=False,
    deviations="As in the paper the Euclidean norm and the variances of the batch; the authors' "
    "code takes the sum of absolute differences, and running variances (zen_released). Residual "
    "links stay, as in the code. One repetition. A batch norm fed by a constant has no scale and "
    "is left out.",
)
def zen(m: Measurement) -> float:
    """Logarithm of the mean change of the features, with the batch norms' scales put back.

    F is the network up to its global pooling, in training mode with weights from N(0, 1), x and e
    are from N(0, 1), all drawn anew; the batch gives their shape. -inf where nothing changes.

    Raises:
        Unsupported: the network has no method `features`.
    """
    p = perturbation(m)
    change = float(p.change.norm(dim=1).mean())
    if change == 0:
        return float("-inf")
    return math.log(change) + sum(math.log(v) / 2 for v in p.batch_variances if v > 0)
