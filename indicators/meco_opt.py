"""MeCo with a fixed number of channels a layer."""

from __future__ import annotations

import torch

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.first_sample_maps import (
    first_sample_maps,
    smallest_eigenvalue,
)

_NUM_CHANNELS = 8


@indicator(
    title="MeCo, sampled channels",
    formula="sum over layers of C/n * lambda_min( corr of n sampled channels ), n = min(8, C)",
    reference="Jiang et al., MeCo, NeurIPS 2023, MeCo_opt",
    needs={Need.RANDOMNESS},
    protocol=Protocol(inputs="gaussian", batch_size=1, resolution=64, labels="none"),
    cost="1 forward",
    deviations="As meco. A layer of fewer than 8 channels is taken whole.",
)
def meco_opt(m: Measurement) -> float:
    """MeCo's sum with each layer's matrix taken of up to 8 random channels and scaled back."""
    generator = m.generator("meco_opt")
    total = 0.0
    for rows in first_sample_maps(m):
        chosen = torch.randperm(len(rows), generator=generator)[:_NUM_CHANNELS]
        sampled = rows[chosen.to(rows.device)]
        total += len(rows) / len(sampled) * smallest_eigenvalue(sampled)
    return total
