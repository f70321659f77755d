"""Trace norm of the tangent kernel of the true class's logit."""

from __future__ import annotations

import math

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.logit_gradients import label_logits, squared_norms


@indicator(
    title="NTK trace norm, label logit",
    formula="sqrt( (1/B) sum_x || d f_{y(x)}(x)/d theta ||_2^2 ) over all parameters",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), "
    "NeurIPS 2022, M_Trace",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, B backward",
    family=Family.NASI,
    deviations="Exact gradients of single logits through the batch statistics, over all "
    "parameters. The authors' code looks at convolutional and linear layers only, and takes each "
    "sample's activations times the back-propagated gradients of the sum of all label logits, "
    "which mixes in what a sample does to the others by batch normalisation.",
)
def ntk_trace_label(m: Measurement) -> float:
    """Root of the mean squared gradient norm of the true class's logit: B backward passes.

    Biases and batch-norm shifts count, also the shift of a batch norm fed by zeros; so
    architectures of one function may differ.

    Raises:
        Unsupported: a label is no class of the network.
    """
    chosen = label_logits(m)
    return math.sqrt(squared_norms(m, chosen) / len(chosen))
