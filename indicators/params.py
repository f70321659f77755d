"""Parameter count."""

from __future__ import annotations

from untrained.indicators.indicator import Family, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol


@indicator(
    title="Parameters",
    formula="number of parameters",
    reference="trivial baseline",
    protocol=Protocol(inputs="none", batch_size=1, labels="none"),
    cost="none",
    family=Family.BASELINE,
    follows_initialisation=False,
)
def params(m: Measurement) -> float:
    """The number of parameters, a shared one counted once."""
    return float(sum(p.numel() for p in m.network.parameters()))
