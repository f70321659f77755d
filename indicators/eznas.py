"""EZNAS: a score that genetic programming found with accuracies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.relu_pass import relu_gradients, relu_pass

_SINGULAR = math.log(0.5)


@indicator(
    title="EZNAS-A",
    formula="mean over ReLUs of || sigmoid( ln det sign(G_bc) ) ||_F over samples b and channels c",
    reference="Akhauri et al., EZNAS: Evolving Zero-Cost Proxies For Neural Architecture Scoring, "
    "NeurIPS 2022",
    needs={Need.RELU, Need.GRADIENTS},
    protocol=Protocol(batch_size=16, labels="none", initialisation="kaiming_normal_fan_out"),
    cost="1 forward, 1 backward",
    uses_accuracy=True,
    deviations="Uses accuracies: the program was evolved for its rank correlations on NDS and "
    "NAS-Bench-201. Of the five programs in the authors' code this is the one that its results "
    "are of. The gradient is that of the sum of all logits, as there on NDS; on NAS-Bench-201 "
    "their network hands over the pooled features instead. Every ReLU of a square map counts, "
    "where their code makes triples of ReLU, convolution and batch norm of the list of modules. "
    "The classifier is drawn as the convolutions are, theirs from N(0, 0.01^2). A determinant of "
    "signs is a whole number, so that one below a half is 0.",
)
def eznas(m: Measurement) -> float:
    """Mean over ReLUs of the Frobenius norm of squashed log-determinants of gradient signs.

    G_bc is the gradient of the summed logits at the ReLU's input, (H, W) for each sample and
    channel. A singular matrix counts 0, one of negative determinant a half, and any other nearly
    1; a ReLU without a gradient counts 0.

    Raises:
        Unsupported: no ReLU is applied to a square map.
    """
    passed = relu_pass(m)
    norms = relu_gradients(m, passed.logits.sum(), _norm)
    maps = [0.0 if norm is None else norm for norm in norms if norm is None or not norm < 0]
    if not maps:
        raise Unsupported("the network applies no ReLU to a square map (B, C, H, H)")
    return sum(maps) / len(maps)


def _norm(gradient: Tensor) -> float:
    """The norm of one ReLU; -1 where its input is no square map."""
    if gradient.dim() != 4 or gradient.shape[2] != gradient.shape[3]:
        return -1.0
    [signs] = on_cpu([gradient.sign()])
    sign, size = torch.linalg.slogdet(signs.double())
    size = torch.where(size < _SINGULAR, -torch.inf, size)
    squashed = torch.sigmoid(torch.where((sign < 0) & size.isfinite(), 0.0, size))
    return float(squashed.norm())
