"""GenNAS, the task searched on the ResNet and ResNeXt spaces."""

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
from untrained.indicators.regression.tasks import RESNET
from untrained.indicators.regression.training import regression_loss


@indicator(
    title="GenNAS, task of ResNet",
    formula=FORMULA,
    reference=REFERENCE,
    needs=NEEDS,
    higher_is_better=False,
    protocol=PROTOCOL,
    deviations="Uses accuracies: the authors searched the task on 20 labelled networks of "
    f"the ResNet and ResNeXt spaces. {DEVIATIONS}",
)
def gennas_search_resnet(m: Measurement) -> float:
    """Final loss of a copy of the network on the task released for ResNet and ResNeXt."""
    return regression_loss(m, RESNET, steps=STEPS)
