"""Zen-score, as published and as in the released scores."""

from __future__ import annotations

import math

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.perturbation import perturbation, running_perturbation

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
        Unsupported: the network has no method or module `features`.
    """
    p = perturbation(m)
    return _score(float(p.change.norm(dim=1).mean()), p.variances)


def _score(change: float, variances: list[float]) -> float:
    if change == 0:
        return float("-inf")
    return math.log(change) + sum(math.log(v) / 2 for v in variances if v > 0)


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
        Unsupported: the network has no method or module `features`, no batch norm, or one without
            running statistics.
    """
    p = running_perturbation(m)
    if not p.variances:
        raise Unsupported("this indicator needs batch norms that all keep running statistics")
    return _score(float(p.change.abs().sum(1).mean()), p.variances)
