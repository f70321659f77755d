"""GenNAS, the task searched on NAS-Bench-101."""

from __future__ import annotations

from untrained.indicators.gennas_combo import (
    DEVIATIONS,
    FORMULA,
    NEEDS,
    PROTOCOL,
    REFERENCE,
    STEPS,
)
from untrained.indicators.indicator import indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.regression.tasks import NASBENCH101
from untrained.indicators.regression.training import regression_loss


@indicator(
    title="GenNAS, task of NAS-Bench-101",
    formula=FORMULA,
    reference=REFERENCE,
    needs=NEEDS,
    higher_is_better=False,
    protocol=PROTOCOL,
    deviations="Uses accuracies: the authors searched the task on 20 labelled networks of "
    f"NAS-Bench-101. {DEVIATIONS}",
)
def gennas_search_nasbench101(m: Measurement) -> float:
    """Final loss of a copy of the network on the task released for NAS-Bench-101 and -201."""
    return regression_loss(m, NASBENCH101, steps=STEPS)
