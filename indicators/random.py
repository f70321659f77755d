"""Chance."""

from __future__ import annotations

import torch

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol


@indicator(
    title="Random",
    formula="uniform on [0, 1)",
    reference="trivial baseline",
    needs={Need.RANDOMNESS},
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="none",
    family=Family.BASELINE,
    follows_initialisation=False,
)
def random(m: Measurement) -> float:
    """A uniform random number from the measurement's own generator: what chance achieves."""
    return float(torch.rand((), generator=m.generator("random"), dtype=torch.float64))
