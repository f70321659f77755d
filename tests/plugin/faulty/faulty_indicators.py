"""Indicators that each break a promise."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from untrained.indicators import Measurement, Need, Protocol, indicator

COMMON = {
    "formula": "ln mean_k var_b f_k(x_b)",
    "reference": "made to fail, unpublished, 2026",
    "protocol": Protocol(labels="none"),
    "cost": "1 forward",
    "class_invariant": True,
}


def logits(m: Measurement) -> Tensor:
    with torch.no_grad():
        return m.network(m.inputs).double()


def spread(values: Tensor) -> float:
    return float(values.var(dim=0, unbiased=False).mean().log())


@indicator(title="Faulty: changes the network", **COMMON)
def changes_the_network(m: Measurement) -> float:
    """Scales the last weights and forgets to scale them back."""
    found = spread(logits(m))
    with torch.no_grad():
        list(m.network.parameters())[-1].mul_(1.5)
    return found


@indicator(title="Faulty: leaves a hook", **COMMON)
def leaves_a_hook(m: Measurement) -> float:
    """Listens to the network and never stops."""
    m.network.register_forward_hook(lambda module, args, out: None)
    return spread(logits(m))


@indicator(title="Faulty: looks at labels", **COMMON)
def looks_at_labels(m: Measurement) -> float:
    """Uses labels where there are some, and says nothing of it."""
    labels = m.batches[0][1]
    found = logits(m)
    return spread(found) if labels is None else spread(found[labels == labels[0]])


@indicator(title="Faulty: draws from the global generator", **COMMON)
def draws_globally(m: Measurement) -> float:
    """Noise from a stream that everybody shares."""
    return spread(logits(m)) + float(torch.rand(()))


@indicator(title="Faulty: looks at the clock", **COMMON)
def looks_at_the_clock(m: Measurement) -> float:
    """Never the same twice."""
    return spread(logits(m)) + time.perf_counter_ns() % 1000


@indicator(title="Faulty: trips over NaN", **COMMON)
def trips_over_nan(m: Measurement) -> float:
    """Refuses what it should judge."""
    found = spread(logits(m))
    if math.isnan(found):
        raise ArithmeticError("there is a NaN")
    return found


@indicator(title="Faulty: is always zero for NaN", **COMMON)
def hides_nan(m: Measurement) -> float:
    """A network that is broken gets a score like any other."""
    return spread(torch.nan_to_num(logits(m), nan=0.5, posinf=1, neginf=1))


@indicator(title="Faulty: says it is free", **{**COMMON, "cost": "none"})
def says_it_is_free(m: Measurement) -> float:
    """Costs a pass that it does not declare."""
    return spread(logits(m))


@indicator(title="Faulty: says it needs stages", needs={Need.STAGES}, **COMMON)
def says_it_needs_stages(m: Measurement) -> float:
    """Declares a need that it does not have."""
    return spread(logits(m))


@indicator(title="Faulty: no score", **COMMON)
def has_no_score(m: Measurement) -> float:
    """Fails on every network."""
    raise KeyError("a name that is not there")
