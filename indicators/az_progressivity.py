"""AZ-NAS progressivity: whether the features grow richer from block to block."""

from __future__ import annotations

from itertools import pairwise

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.block_features import block_entropies


@indicator(
    title="AZ-NAS progressivity",
    formula="min over cells l of E_l - E_(l-1), E: the entropy of az_expressivity",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024",
    needs={Need.STAGES},
    protocol=Protocol(
        inputs="gaussian", batch_size=64, labels="none", initialisation="kaiming_normal_fan_in"
    ),
    cost="1 forward",
    class_invariant=True,
    deviations="Spectra are computed in float64.",
)
def az_progressivity(m: Measurement) -> float:
    """The smallest gain in the features' entropy over any cell."""
    return min(after - before for before, after in pairwise(block_entropies(m)))
