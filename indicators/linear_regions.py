"""Number of linear regions: how many different ReLU patterns a sample of inputs meets."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.relu_calls import ReluCalls
from untrained.indicators.quantities.relu_kernels import codes_of, signs


@indicator(
    title="Linear regions",
    formula="number of distinct rows of [ReLU output > 0] over all samples",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, eq. 5",
    needs={Need.RELU},
    protocol=Protocol(
        batch_size=1000,
        num_batches=3,
        resolution=3,
        labels="none",
        channels=1,
        cells=1,
        skeleton="thin",
    ),
    cost="M forward",
    family=Family.TE_NAS,
    deviations="Rows are counted exactly; the authors' code sums reciprocal multiplicities in half "
    "precision, which is off when one pattern has more than 2048 samples. Any network is counted "
    "as it is given; the definition is for the thin one (no stem, one input channel). 3000 samples "
    "as in the code (the paper: 5000). Weights as the protocol's initialisation draws them: the "
    "paper's Kaiming-normal re-initialisation has no effect in the authors' code.",
)
def linear_regions(m: Measurement) -> float:
    """R, from 1 to the number of samples of all batches together.

    A sample's pattern is the concatenation over all applications of a ReLU to a 4-D tensor of the
    signs of the outputs. Each batch is normalised by its own statistics. The count includes ReLUs
    behind a zeroed edge, so architectures of one function may differ.

    Raises:
        Unsupported: no ReLU is applied to a 4-D tensor.
    """
    return _num_patterns(m, of_signs=False)


@indicator(
    title="Regions of signs",
    formula="number of distinct rows of [activation output > 0] over all samples",
    reference="Chen et al. (TE-NAS), ICLR 2021, eq. 5, with the codes of SWAP on any activation "
    "(Peng et al., arXiv:2605.07378)",
    protocol=linear_regions.protocol,
    cost="M forward",
    family=Family.TE_NAS,
    deviations="Not the paper's score, which is of ReLUs, of which it is the same. With smooth "
    "activations the regions are not linear. Outputs of any number of axes count.",
)
def regions_signs(m: Measurement) -> float:
    """The number of different patterns of signs of the activations' outputs, one a sample.

    Raises:
        Unsupported: no activation has an output of both signs, or one cannot be read.
    """
    return _num_patterns(m, of_signs=True)


_LARGE = 1024
"""Numbers of an input from which on the compiled passes are used."""


def _num_patterns(m: Measurement, *, of_signs: bool) -> float:
    rows = (row for x, _ in m.batches for row in _patterns(m, x, of_signs=of_signs))
    return float(len({row.tobytes() for row in rows}))


def _patterns(m: Measurement, inputs: Tensor, *, of_signs: bool) -> np.ndarray:
    """One row of packed bits a sample; the order of the units is the same for all."""
    if inputs[0].numel() >= _LARGE and (packed := codes_of(m, inputs)) is not None:
        words = [one.words for one in packed if one.axes == 4 or of_signs]
        if words:
            return torch.cat(words, 1).numpy()
    rows: list[Tensor] = []

    def note(x: Tensor) -> None:
        if x.dim() == 4 or of_signs:
            if x.shape[0] != len(inputs):
                raise Unsupported(
                    f"an activation has an output of shape {tuple(x.shape)}, whose first axis is "
                    f"not the batch of {len(inputs)}"
                )
            rows.append((x > 0).reshape(x.shape[0], -1))

    calls = signs(note) if of_signs else ReluCalls(note)
    with torch.no_grad():
        logits_of(m.network, inputs.clone(), calls)
    calls.check(smooth=of_signs)
    if not rows and of_signs:
        raise Unsupported("the network applies no activation whose output takes both signs")
    if not rows:
        raise Unsupported("the network applies no ReLU to a map (batch, channels, height, width)")
    return np.packbits(torch.cat(rows, 1).cpu().numpy(), axis=1)
