"""RCor and WRCor: how unlike the samples' activations and gradients are at every ReLU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Need, Protocol, indicator, quantity
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.loss_gradients import check_labels
from untrained.indicators.quantities.relu_pass import correlation, relu_gradients, relu_pass

REFERENCE = (
    "Jing et al., Zero-Shot NAS via the Weighted Response Correlation (WRCor), Neurocomputing "
    "2025, arXiv:2507.08841"
)
_DEVIATIONS = (
    "Correlations and the determinant in float64. A batch that does not fit into memory has no "
    "score; the authors' code splits it and multiplies the parts' log-determinants. Their hooks "
    "are on every module with ReLU in its class's name: in NAS-Bench-201 a ReLU-Conv-BN counts its "
    "inputs a second time, and with them the gradients at its batch norm, which are no ReLU's."
)


@indicator(
    title="RCor",
    formula="ln |det K|, K = sum over ReLUs of |corr(inputs)| + |corr(dL/d inputs)|, between "
    "samples",
    reference=REFERENCE,
    needs={Need.RELU, Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    deviations=_DEVIATIONS,
)
def rcor(m: Measurement) -> float:
    """Log-determinant of the summed absolute Pearson correlations between samples; L: mean loss.

    A matrix with an undefined entry, of a constant input or a gradient of zeros, is left out. -inf
    where K is singular or nothing is left.
    """
    return _log_determinant([(1.0, pair) for pair in response_correlations(m)])


@indicator(
    title="WRCor",
    formula="as RCor, a ReLU of cell i (from 0) weighing 2^i, one behind the n cells 2^n",
    reference=REFERENCE,
    needs={Need.RELU, Need.LABELS, Need.GRADIENTS, Need.STAGES},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    deviations=_DEVIATIONS + " Every module between the last cell and the logits counts as behind "
    "the cells, where the authors' code looks at the module `lastact`.",
)
def wrcor(m: Measurement) -> float:
    """RCor's log-determinant with weights that double from cell to cell; reductions are cells.

    ReLUs ahead of the first cell are left out.
    """
    passed = relu_pass(m)
    if not passed.num_cells or not hasattr(m.network, "stem"):
        raise Unsupported(
            "this indicator weighs ReLUs by their cell, and the network has no modules `stem` and "
            "`cells` (a ModuleList) that are called; the maps after the stem and each cell are not "
            "known"
        )
    return _log_determinant(
        [
            (2.0**relu.cell, pair)
            for relu, pair in zip(passed.relus, response_correlations(m), strict=True)
            if relu.cell is not None
        ]
    )


@quantity
def response_correlations(m: Measurement) -> list[tuple[Tensor, Tensor | None]]:
    """For each ReLU the correlations of its inputs and of the loss gradients there, (B, B) each."""
    passed = relu_pass(m)
    check_labels(m.labels, passed.logits.shape[1])
    loss = functional.cross_entropy(passed.logits, m.labels)
    of_gradients = relu_gradients(m, loss, correlation)
    of_inputs = (relu.correlation for relu in passed.relus)
    return list(zip(of_inputs, of_gradients, strict=True))


def _log_determinant(weighed: list[tuple[float, tuple[Tensor, Tensor | None]]]) -> float:
    total: Tensor | None = None
    for weight, pair in weighed:
        for matrix in on_cpu(one for one in pair if one is not None):
            if not matrix.isnan().any():
                total = weight * matrix.abs() + (0 if total is None else total)
    return float("-inf") if total is None else float(torch.linalg.slogdet(total).logabsdet)
