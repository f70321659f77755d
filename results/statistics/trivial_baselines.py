"""What an indicator adds to the best trivial baseline: parameters, FLOPs, depth, chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from untrained.results.statistics.correlation import difference
from untrained.results.statistics.resampled_correlations import Rankings

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


def best_baselines(
    rankings: Rankings, *, trivial: Sequence[str] = TRIVIAL
) -> dict[str, BaselineDifference]:
    """Every indicator beside the best trivial baseline.

    Args:
        trivial: the baselines, as far as the population has them; of equally good ones the first
            counts as the best.

    Returns:
        By indicator, without the baselines themselves; empty without any baseline.
    """
    names = rankings.population.scores
    present = [name for name in trivial if name in names]
    others = [name for name in names if name not in present] if present else []
    best = {name: _best(rankings, name, present) for name in others}
    pairs = {
        name: (
            rankings.ranking(name, having=present),
            rankings.ranking(baseline, having=[name, *present]),
        )
        for name, baseline in best.items()
    }
    rankings.resample(ranking for pair in pairs.values() for ranking in pair)
    found = {}
    for name, (own, theirs) in pairs.items():
        delta, low, high = difference(rankings, own, theirs)
        found[name] = BaselineDifference(
            baseline=best[name],
            n=own.n,
            tau=rankings.point(own)[0],
            tau_baseline=rankings.point(theirs)[0],
            delta=delta,
            delta_low=low,
            delta_high=high,
        )
    return found


def _best(rankings: Rankings, name: str, present: Sequence[str]) -> str:
    taus = {
        baseline: rankings.point(rankings.ranking(baseline, having=[name, *present]))[0]
        for baseline in present
    }
    # a constant baseline has no tau, and is no baseline unless there is no other
    return max(present, key=lambda baseline: (not math.isnan(taus[baseline]), taus[baseline]))
