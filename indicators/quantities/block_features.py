"""The feature maps between the blocks of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, quantity
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.forward import forward


@quantity
def block_features(m: Measurement) -> list[Tensor]:
    """The maps (B, C, H, W) or tokens (B, T, C) after the stem and each cell, with their graph.

    Raises:
        Unsupported: the network has no stem and cells, their outputs are neither maps nor tokens,
            or it overwrites them.
    """
    outputs = forward(m).blocks
    if len(outputs) < 2:
        raise Unsupported(
            "this indicator reads the maps after the stem and each cell, and the network has no "
            "modules `stem` and `cells` (a ModuleList) that are called"
        )
    if {output.tensor.dim() for output in outputs} not in ({3}, {4}):
        raise Unsupported(
            "a cell of the network returns something else than the others, or neither a map "
            "(B, C, H, W) nor tokens (B, T, C)"
        )
    if not all(output.intact for output in outputs):
        raise Unsupported("the network writes to a cell's output by a functional in-place call")
    return [output.tensor for output in outputs]


@quantity
def block_entropies(m: Measurement) -> list[float]:
    """For each of the maps or tokens the entropy of the normalised principal components.

    With features F as B H W or B T rows of C columns, centred, and the eigenvalues l of F^T F,
    p = l / sum(l), the entropy is -sum p ln(p + 1e-8), in [0, ln C].

    Raises:
        Diverged: a map is constant, so that it has no components.
    """
    entropies = []
    for place, matrix in enumerate(on_cpu(map(_squares, block_features(m)))):
        eigenvalues = torch.linalg.eigvalsh(matrix).clamp(min=0)
        total = eigenvalues.sum()
        if not total > 0:
            raise Diverged(f"the map after block {place} is constant: it has no components")
        p = eigenvalues / total
        entropies.append(-float((p * torch.log(p + 1e-8)).sum()))
    return entropies


def rows_of(features: Tensor) -> Tensor:
    """A row for each place of a map (B, C, H, W), or for each of the tokens (B, T, C)."""
    last = features if features.dim() == 3 else features.permute(0, 2, 3, 1)
    return last.reshape(-1, last.shape[-1])


def _squares(features: Tensor) -> Tensor:
    """The sums of squares and products of the centred channels, (C, C) in float64."""
    rows = rows_of(features.detach().double())
    centred = rows - rows.mean(0)
    return centred.t() @ centred
