"""GenNAS, hand-made task: the loss after a short regression of mixed synthetic maps."""

from __future__ import annotations

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.regression.tasks import COMBO
from untrained.indicators.regression.training import regression_loss

FORMULA = "sum_l w_l MSE(read-out of stage l, T_l) after 100 SGD steps, w = 1/4, 1/2, 1"
REFERENCE = "Li et al., Generic Neural Architecture Search via Regression, NeurIPS 2021"
NEEDS = {Need.STAGES, Need.GRADIENTS, Need.RANDOMNESS}
PROTOCOL = Protocol(batch_size=16, labels="none")
STEPS = 100
DEVIATIONS = (
    "The loss itself, so that lower is better; the authors negate it. A loss that is not finite "
    "has no score; theirs becomes 1000 and a random number. Stage weights 1/4, 1/2, 1 also in "
    "training, as in the authors' last release (first: 1, 1, 1). The network is as its space "
    "builds it: theirs has biases and batch norms without gain, shift or running statistics in "
    "NAS-Bench-201's cells. Images are not flipped. Targets and evaluation noise are one draw a "
    "task for all networks and seeds."
)


@indicator(
    title="GenNAS, combined task",
    formula=FORMULA,
    reference=REFERENCE,
    needs=NEEDS,
    higher_is_better=False,
    protocol=PROTOCOL,
    deviations=DEVIATIONS,
)
def gennas_combo(m: Measurement) -> float:
    """Final loss of a copy of the network on one-dimensional and plane waves, dots and the images.

    100 forward and backward passes: the cost of a hundred one-batch indicators. The shift of a
    batch norm fed by zeros is trained too, so architectures of one function may differ.
    """
    return regression_loss(m, COMBO, steps=STEPS)
