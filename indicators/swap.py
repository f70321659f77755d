"""SWAP: the number of different sample-wise activation patterns."""

from __future__ import annotations

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.activation_patterns import num_activation_patterns

PROTOCOL = Protocol(batch_size=16, labels="none", initialisation="gaussian")


@indicator(
    title="SWAP",
    formula="number of distinct columns of [ReLU input > 0], (B, units)",
    reference="Peng et al., SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS, "
    "ICLR 2024",
    needs={Need.RELU},
    protocol=PROTOCOL,
    cost="1 forward",
    deviations="One evaluation; the authors' search averages 32 initialisations. Every ReLU "
    "counts, the authors' code takes those of 4-dimensional maps; a ReLU behind a `none` edge "
    "counts, as there.",
)
def swap(m: Measurement) -> float:
    """The cardinality of the set of patterns that units show over the samples.

    At most 2^B and at most the number of units, where it saturates.
    """
    return float(num_activation_patterns(m))
