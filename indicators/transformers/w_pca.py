"""W-PCA: parameters times the principal components of the feed-forward layers."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.attention import mixings

SHARE = 0.99


@indicator(
    title="W-PCA",
    formula="number of parameters x sum over feed-forward layers of the least k with "
    "sum_(i<=k) l_i > .99 sum_i l_i, l: variances of the principal components of its hidden units",
    reference="Wang, W-PCA Based Gradient-Free Proxy for Efficient Search of Lightweight Language "
    "Models, ICLR 2025",
    needs={Need.ATTENTION},
    protocol=Protocol(inputs="images", batch_size=128, labels="none"),
    cost="1 forward",
    family=Family.ATTENTION,
    deviations="In float64. The hidden units are the outputs, ahead of the activation, of the "
    "feed-forward layers that widen their input, as in the code; the paper also names a share of "
    ".9, which the code uses in another space.",
)
def w_pca(m: Measurement) -> float:
    """Principal components of the hidden units, weighed by the size of the network.

    Raises:
        Unsupported: the network has no attention, or no feed-forward layer that widens.
        Diverged: hidden units are constant.
    """
    layers = [a for a in mixings(m).feed_forward if len(a.shape) == 2 and a.shape[0] > a.shape[1]]
    if not layers:
        raise Unsupported("the network has no feed-forward layer with more outputs than inputs")
    outputs = (a.by_sample(a.tensor, len(m.inputs)).double() for a in layers)
    squares = on_cpu(map(_squares, outputs))
    params = sum(p.numel() for p in m.network.parameters())
    return float(params * sum(map(_components, squares)))


def _squares(output: Tensor) -> Tensor:
    rows = output.reshape(-1, output.shape[-1])
    centred = rows - rows.mean(0)
    # the smaller of the two products has the same eigenvalues but for zeros
    short = len(rows) < rows.shape[1]
    return centred @ centred.t() if short else centred.t() @ centred


def _components(square: Tensor) -> int:
    values = torch.linalg.eigvalsh(square).flip(0).clamp(min=0)
    total = values.sum()
    if not total > 0:
        raise Diverged("the hidden units of a feed-forward layer are constant")
    return int((values.cumsum(0) / total <= SHARE).sum()) + 1
