"""What an indicator adds to the best trivial baseline: parameters, FLOPs, depth, chance."""

from __future__ import annotations

from dataclasses import dataclass

TRIVIAL = ("params", "flops", "depth", "random")
"""Indicators that anyone has for free."""


@dataclass(frozen=True, slots=True)
class BaselineDifference:
    """An indicator's tau-b minus that of the best trivial baseline on the same networks.

    The baseline is the one with the largest tau over the networks that have this score and all
    baselines'; it is kept in the resamples, so the interval does not hold the choice itself.
    """

    baseline: str
    n: int
    """Networks that have the score and all the baselines'."""
    tau: float
    """Of the indicator over these networks."""
    tau_baseline: float
    delta: float
    delta_low: float
    delta_high: float
    """Paired bootstrap interval."""
