"""Regularised SWAP: activation patterns, weighted by how close the network is to a size."""

from __future__ import annotations

import math

from untrained.indicators.indicator import Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.params import params
from untrained.indicators.quantities.activation_patterns import num_activation_patterns
from untrained.indicators.swap import PROTOCOL

_MU = _SIGMA = 1.5
"""Millions of parameters, and their square."""


@indicator(
    title="SWAP, regularised",
    formula="SWAP * exp( -(P - mu)^2 / sigma ), P: parameters in millions, mu = sigma = 1.5",
    reference="Peng et al., SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS, "
    "ICLR 2024; mu and sigma are this project's",
    needs={Need.RELU},
    protocol=PROTOCOL,
    cost="1 forward",
    uses_accuracy=True,
    deviations="As swap. mu is the size that good networks are expected to have, which only "
    "accuracies tell: the score leaks where the optimum of a space lies. The authors' code gives "
    "no value for any space, and counts P in thousands, which with mu = sigma makes the bell some "
    "tens of thousands of parameters wide. The defaults of a public port are 1.5 and millions. "
    "The largest network of NAS-Bench-201 has 1.53 million, so the weight grows with size there.",
)
def swap_regularised(m: Measurement) -> float:
    """The number of patterns times a bell curve over the number of parameters, at most `swap`.

    The parameters are those of the network that is measured, without an auxiliary head.
    """
    size = params(m) / 1e6
    return num_activation_patterns(m) * math.exp(-((size - _MU) ** 2) / _SIGMA)
