"""SWAP-Score: sample-wise activation patterns, plain and regularised."""

from __future__ import annotations

import math

from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.quantities.activation_patterns import (
    num_activation_patterns,
    num_sign_patterns,
)
from untrained.indicators.sizes import params

PROTOCOL = Protocol(batch_size=16, labels="none", initialisation="gaussian")


@indicator(
    title="SWAP",
    formula="number of distinct columns of [ReLU input > 0], (B, units)",
    reference="Peng et al., SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS, "
    "ICLR 2024",
    needs={Need.RELU},
    protocol=PROTOCOL,
    cost="1 forward",
    deviations="One evaluation; the authors' search averages 32 initialisations. Every ReLU "
    "counts, the authors' code takes those of 4-dimensional maps; a ReLU behind a `none` edge "
    "counts, as there.",
)
def swap(m: Measurement) -> float:
    """The cardinality of the set of patterns that units show over the samples.

    At most 2^B and at most the number of units, where it saturates.
    """
    return float(num_activation_patterns(m))


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


@indicator(
    title="SWAP, signs of any activations",
    formula="number of distinct columns of [activation output > 0], (B, units)",
    reference="Peng et al., SWAP-NAS on any activation, TPAMI 2026, arXiv:2605.07378",
    protocol=PROTOCOL,
    cost="1 forward",
    deviations="As swap, of which it is the same for a network of ReLUs. The authors' code looks "
    "at ReLU, GELU and SiLU; here any activation counts whose output takes both signs.",
)
def swap_signs(m: Measurement) -> float:
    """The cardinality of the set of patterns of signs that units show over the samples.

    Raises:
        Unsupported: no activation has an output of both signs, or one cannot be read.
    """
    return float(num_sign_patterns(m))
