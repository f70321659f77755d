"""MeCo: how independent the channels of each layer are, from one random input."""

from __future__ import annotations

from untrained.indicators.indicator import indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.first_sample_maps import (
    first_sample_maps,
    smallest_eigenvalue,
)


@indicator(
    title="MeCo",
    formula="sum over layers of lambda_min( corr of the channels ), one input",
    reference="Jiang et al., MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum "
    "Eigenvalue of Correlation, NeurIPS 2023",
    protocol=Protocol(inputs="gaussian", batch_size=1, resolution=64, labels="none"),
    cost="1 forward",
    deviations="Each layer (a module without children) counts once; the authors' code hooks the "
    "containers too and so counts the last layer of each again. A symmetric eigensolver in "
    "float64. The input has the run's resolution.",
)
def meco(m: Measurement) -> float:
    """Sum of the smallest eigenvalues of the channels' Pearson correlation matrices.

    Zero for a layer with more channels than positions and for one with a constant channel.
    """
    return sum(smallest_eigenvalue(rows) for rows in first_sample_maps(m))
