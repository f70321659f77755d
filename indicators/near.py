"""NEAR: the effective rank of what every layer puts out."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, Need, Protocol, indicator
from untrained.indicators.account.account import Account
from untrained.indicators.account.applications import Application
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_outputs import together

_KINDS = frozenset({"map", "norm", "activation", "table"})


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
    of a linear map, normalisation, activation or table of embeddings counts, however written; a
    softmax is none.

    Raises:
        Unsupported: there is none of these, or a parameter's part or an axis is not known, or a
            normalisation may be written out.
        Diverged: an output is not finite.
    """
    generator = m.generator("near")
    x = m.inputs.clone()
    with torch.no_grad():
        account = Account(m.network, x, kinds=_KINDS)
        calls = account.activations()
        logits_of(m.network, x, together(account, calls))
    account.check(each=True)
    account.check_norms()
    calls.check()
    if not account.applications:
        raise Unsupported("the network applies no linear map, normalisation or activation")
    blocks = [_square_block(_rows(one, len(x)), generator) for one in account.applications]
    return sum(_effective_rank(block) for block in on_cpu(block.double() for block in blocks))


def _rows(output: Application, size: int) -> Tensor:
    """(samples and positions, features): the features of a map are its channels."""
    rows = output.by_sample(output.tensor, size)
    return rows.reshape(-1, rows.shape[-1])


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
    values = torch.linalg.svdvals(matrix)
    total = values.sum()
    if not total > 0:
        return 0.0
    return float(torch.special.entr(values / total).sum().exp())
