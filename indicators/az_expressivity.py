"""AZ-NAS expressivity: how evenly the features spread over their dimensions."""

from __future__ import annotations

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.block_features import block_entropies


@indicator(
    title="AZ-NAS expressivity",
    formula="sum over stem and cells of -sum_i p_i ln(p_i + 1e-8), p: normalised PCA spectrum",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024",
    needs={Need.STAGES},
    protocol=Protocol(
        inputs="gaussian", batch_size=64, labels="none", initialisation="kaiming_normal_fan_in"
    ),
    cost="1 forward",
    class_invariant=True,
    deviations="Spectra are computed in float64.",
)
def az_expressivity(m: Measurement) -> float:
    """Summed entropy of the principal components of the maps after the stem and each cell."""
    return sum(block_entropies(m))
