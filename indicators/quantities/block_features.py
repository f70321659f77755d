"""The feature maps between the blocks of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.framework.reading import Diverged
from untrained.indicators.quantities.forward import forward


@quantity
def block_features(m: Measurement) -> list[Tensor]:
    """The maps after the stem and after each cell, (B, C, H, W), with the shared pass's graph.

    Raises:
        Unsupported: the network has no stem and cells, their outputs are not maps, or it overwrites
            them.
    """
    outputs = forward(m).blocks
    if len(outputs) < 2:
        raise Unsupported(
            "this indicator reads the maps after the stem and each cell, and the network has no "
            "modules `stem` and `cells` (a ModuleList) that are called"
        )
    if any(output.tensor.dim() != 4 for output in outputs):
        raise Unsupported("a cell of the network returns something else than a map (B, C, H, W)")
    if not all(output.intact for output in outputs):
        raise Unsupported("the network writes to a cell's output by a functional in-place call")
    return [output.tensor for output in outputs]


@quantity
def block_entropies(m: Measurement) -> list[float]:
    """For each of the maps the entropy of its normalised principal components.

    With features F as B H W rows of C columns, centred, and the eigenvalues l of F^T F,
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


def _squares(features: Tensor) -> Tensor:
    """The sums of squares and products of the centred channels, (C, C) in float64."""
    rows = features.detach().double().permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    centred = rows - rows.mean(0)
    return centred.t() @ centred
