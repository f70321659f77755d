"""The Zen-Score that the authors' code computes, which published scores are of."""

from __future__ import annotations

import math

from untrained.foundation import Unsupported
from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.quantities.perturbation import perturbation
from untrained.indicators.zen import PROTOCOL


@indicator(
    title="Zen-Score, released code",
    formula="ln E|| F(x + 0.01 e) - F(x) ||_1 + sum over batch norms of ln sqrt(mean running var)",
    reference="the code of Lin et al., Zen-NAS, ICCV 2021 (idstcv/ZenNAS, compute_zen_score)",
    needs={Need.STAGES, Need.RANDOMNESS, Need.BATCH_NORM},
    protocol=PROTOCOL,
    cost="2 forward",
    follows_initialisation=False,
    deviations="Not the paper's score (zen). One repetition from running variances of 1, as in "
    "searches; the code's scorer goes on to 32, and its running variances with them.",
)
def zen_released(m: Measurement) -> float:
    """As `zen`, of the same draws, with the sum of absolute changes and running variances.

    After the two passes a running variance is 0.81 and some 0.19 of the batch's (momentum 0.1). A
    batch norm counts once however often it is applied, and also if it is fed by a constant.

    Raises:
        Unsupported: the network has no method `features`, no batch norm, or one without running
            statistics.
    """
    p = perturbation(m)
    if not p.running_variances:
        raise Unsupported("this indicator needs batch norms that all keep running statistics")
    change = float(p.change.abs().sum(1).mean())
    if change == 0:
        return float("-inf")
    return math.log(change) + sum(math.log(v) / 2 for v in p.running_variances)
