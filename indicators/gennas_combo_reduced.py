"""GenNAS's hand-made task on half the images in half the steps."""

from __future__ import annotations

from untrained.indicators.gennas_combo import DEVIATIONS, NEEDS, PROTOCOL, REFERENCE
from untrained.indicators.indicator import indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.regression.tasks import COMBO
from untrained.indicators.regression.training import regression_loss

STEPS = 50


@indicator(
    title="GenNAS, combined task, reduced",
    formula="the loss of gennas_combo after 50 steps on 8 images",
    reference=f"a variant of {REFERENCE}, of this project",
    needs=NEEDS,
    higher_is_better=False,
    protocol=PROTOCOL.replace(batch_size=8),
    deviations=f"Not the paper's score: half the steps and half the images. {DEVIATIONS}",
)
def gennas_combo_reduced(m: Measurement) -> float:
    """Final loss of a copy of the network on the combined task, at a quarter of the cost."""
    return regression_loss(m, COMBO, steps=STEPS)
