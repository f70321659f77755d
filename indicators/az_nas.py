"""AZ-NAS: expressivity, progressivity and trainability."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers, on_cpu
from untrained.indicators.quantities.block_features import block_entropies, block_features, rows_of

_az_nas = partial(
    indicator,
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024",
    protocol=Protocol(
        inputs="gaussian", batch_size=64, labels="none", initialisation="kaiming_normal_fan_in"
    ),
    class_invariant=True,
)


@_az_nas(
    title="AZ-NAS expressivity",
    formula="sum over stem and cells of -sum_i p_i ln(p_i + 1e-8), p: normalised PCA spectrum",
    needs={Need.STAGES},
    cost="1 forward",
    deviations="Spectra are computed in float64.",
)
def az_expressivity(m: Measurement) -> float:
    """Summed entropy of the principal components of the maps after the stem and each cell."""
    return sum(block_entropies(m))


@_az_nas(
    title="AZ-NAS progressivity",
    formula="min over cells l of E_l - E_(l-1), E: the entropy of az_expressivity",
    needs={Need.STAGES},
    cost="1 forward",
    deviations="Spectra are computed in float64.",
)
def az_progressivity(m: Measurement) -> float:
    """The smallest gain in the features' entropy over any cell."""
    return min(after - before for before, after in pairwise(block_entropies(m)))


@_az_nas(
    title="AZ-NAS trainability",
    formula="mean over cells of 2 - s - 1/(s + 1e-6), s: spectral norm of E[g_in g_out^T]",
    needs={Need.STAGES, Need.GRADIENTS, Need.RANDOMNESS},
    cost="1 forward, 1 backward",
)
def az_trainability(m: Measurement) -> float:
    """Mean over cells of a score that is largest, 0, where the spectral norm is 1.

    g_out are Rademacher signs in place of the gradient of a cell's output, g_in is what the cell
    makes of them; the expectation is over samples and positions. -inf for a cell that hands them
    on unchanged. Signs are drawn from the last cell to the first.
    """
    features = block_features(m)
    generator = m.generator("az_trainability")
    cells: list[tuple[Tensor, Tensor]] = []
    for before, after in zip(features[-2::-1], features[:0:-1], strict=True):
        # in single precision whatever the network's: the stream of draws is then the same, and
        # that of torch.bernoulli, which takes three times as long
        signs = torch.rand(after.shape, generator=generator).lt_(0.5).mul_(2).sub_(1)
        # in the map's layout: a backward pass through mixed ones is twice as slow
        cells.append(_products(before, after, torch.empty_like(after).copy_(signs)))
    matrices, unchanged = zip(*cells, strict=True)
    norms = [float(torch.linalg.matrix_norm(matrix, ord=2)) for matrix in on_cpu(matrices)]
    scores = [
        float("-inf") if same else 2 - s - 1 / (s + 1e-6)
        for s, same in zip(norms, numbers(unchanged), strict=True)
    ]
    return sum(scores) / len(scores)


def _products(before: Tensor, after: Tensor, g_out: Tensor) -> tuple[Tensor, Tensor]:
    """E[g_in g_out^T] of a cell in float64, and whether g_in is g_out."""
    (g_in,) = torch.autograd.grad(
        after, before, g_out, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    same = g_in.shape == g_out.shape
    unchanged = (g_in == g_out).all() if same else torch.zeros((), dtype=torch.bool).to(g_in.device)
    if g_in.dim() == 4:
        g_in = _unshuffled(g_in, g_out)
    elif g_in.shape[1] != g_out.shape[1]:
        raise Unsupported(f"a cell makes {g_out.shape[1]} tokens of {g_in.shape[1]}")
    rows_in, rows_out = rows_of(g_in), rows_of(g_out)
    matrix = rows_in.t() @ rows_out / len(rows_out)
    return matrix.double(), unchanged


def _unshuffled(g_in: Tensor, g_out: Tensor) -> Tensor:
    """Put the positions of the input that one position of the output is made of into channels."""
    ratio = g_in.shape[-1] // g_out.shape[-1]
    if g_in.shape[2:] != (ratio * g_out.shape[2], ratio * g_out.shape[3]):
        raise Unsupported(
            f"a cell maps {tuple(g_in.shape[2:])} pixels to {tuple(g_out.shape[2:])}, not to a "
            "whole fraction"
        )
    return functional.pixel_unshuffle(g_in, ratio) if ratio > 1 else g_in
