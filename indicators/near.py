"""NEAR: the effective rank of what every layer puts out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from untrained.foundation import Unsupported
from untrained.indicators.framework.indicator import Need, indicator
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.protocol import Protocol
from untrained.indicators.framework.reading import Diverged
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_outputs import outputs_of

_ACTIVATIONS = tuple(getattr(activation, name) for name in activation.__all__)


@indicator(
    title="NEAR",
    formula="sum over layers with a weight and activations of exp( H(s / sum s) ), s: singular "
    "values of a square block of the outputs",
    reference="Husistein et al., NEAR: A Training-Free Pre-Estimator of Machine Learning Model "
    "Performance, ICLR 2025",
    needs={Need.RANDOMNESS},
    protocol=Protocol(batch_size=64, labels="none"),
    cost="1 forward",
    deviations="One evaluation at the network's own initialisation; the authors average 32. Where "
    "the batch has fewer rows than a layer has features, all are taken; the authors draw more "
    "batches. The random block is seeded, and the last block can be drawn too.",
)
def near(m: Measurement) -> float:
    """Sum of the effective ranks of pre- and post-activation matrices.

    A matrix has a row for each sample and position and a column for each channel; a random block of
    as many consecutive rows as columns is taken. A matrix of zeros has rank 0. Each application
    of a layer counts.

    Raises:
        Unsupported: no layer has a weight or is an activation, or one is overwritten.
        Diverged: an output is not finite.
    """
    layers = [
        module
        for module in m.network.modules()
        if hasattr(module, "weight") or isinstance(module, _ACTIVATIONS)
    ]
    generator = m.generator("near")
    with torch.no_grad(), outputs_of(m.network, layers) as outputs:
        logits_of(m.network, m.inputs.clone())
    if not outputs:
        raise Unsupported("no layer of the network has a weight or is an activation module")
    if not all(output.intact for output in outputs):
        raise Unsupported("the network writes to a layer's output by a functional in-place call")
    return sum(
        _effective_rank(_square_block(_rows(output.module, output.tensor), generator))
        for output in outputs
    )


def _rows(layer: nn.Module, output: Tensor) -> Tensor:
    """(samples and positions, features): the features of a map are its channels."""
    if output.dim() <= 3 or isinstance(layer, nn.Linear | nn.LayerNorm):
        return output.reshape(-1, output.shape[-1])
    return output.movedim(1, -1).flatten(0, -2)


def _square_block(rows: Tensor, generator: torch.Generator) -> Tensor:
    size = rows.shape[1]
    blocks = len(rows) // size
    if blocks < 2:
        return rows[:size]
    start = int(torch.randint(blocks, (), generator=generator)) * size
    return rows[start : start + size]


def _effective_rank(matrix: Tensor) -> float:
    if not torch.isfinite(matrix).all():
        raise Diverged("the output of a layer is not finite")
    values = torch.linalg.svdvals(matrix.double())
    total = values.sum()
    if not total > 0:
        return 0.0
    return float(torch.special.entr(values / total).sum().exp())
