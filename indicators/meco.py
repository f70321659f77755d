"""MeCo: smallest eigenvalues of the correlation of feature maps; plain, and of sampled channels."""

from __future__ import annotations

import torch

from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.first_sample_maps import (
    first_sample_maps,
    smallest_eigenvalues,
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
    return sum(smallest_eigenvalues(first_sample_maps(m)))


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
    maps = first_sample_maps(m)
    drawn = [torch.randperm(len(rows), generator=generator)[:_NUM_CHANNELS] for rows in maps]
    chosen = torch.split(torch.cat(drawn).to(m.device), [len(channels) for channels in drawn])
    sampled = [rows[channels] for rows, channels in zip(maps, chosen, strict=True)]
    found = zip(maps, sampled, smallest_eigenvalues(sampled), strict=True)
    return sum(len(rows) / len(few) * value for rows, few, value in found)
