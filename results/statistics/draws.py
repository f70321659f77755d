"""Noise of the batch, which all networks share, so that no resample of networks contains it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

import pandas as pd
from scipy.special import ndtri

from untrained.results.statistics.bootstrap import Estimate
from untrained.results.statistics.population import MIN_NETWORKS, Population
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho


@dataclass(frozen=True, slots=True)
class BatchNoise:
    """Standard deviations (divisor: draws - 1) of coefficients over draws of the batch."""

    draws: int
    n: int
    """Networks that have a score for every batch and a true value: a part of the population. The
    noise of the batch hardly depends on their number."""
    tau: float
    """Of tau-b with the truth."""
    rho: float
    """Of Spearman's rho with the truth."""
    delta: float
    """Of the difference of tau-b to the baseline; NaN without a baseline."""


def batch_noise(
    draws: Sequence[pd.DataFrame],
    truth: pd.Series[float],
    *,
    higher_is_better: Mapping[str, bool],
    baseline: str,
) -> dict[str, BatchNoise]:
    """Measure how much the coefficients of every indicator depend on the batch.

    Args:
        draws: scores for two or more batches, one column an indicator, indexed by architecture;
            NaN where there is no score.
        truth: true values, larger is better, indexed by architecture.
        baseline: the indicator that differences are to, on the networks that have both.

    Returns:
        By indicator, without those that have fewer than three networks or a constant side.
    """
    populations = [
        Population.of(draw.reindex(draws[-1].index), truth, higher_is_better=higher_is_better)
        for draw in draws
    ]
    found = {}
    for name in populations[0].scores:
        if any(name not in one.scores for one in populations):
            continue
        shared = [baseline] if all(baseline in one.scores for one in populations) else []
        mask = populations[0].having(name, *shared)
        for one in populations[1:]:
            mask &= one.having(name, *shared)
        if mask.sum() < MIN_NETWORKS:
            continue
        y = populations[0].truth[mask]
        taus = [kendall_tau_b(one.scores[name][mask], y) for one in populations]
        if any(map(math.isnan, taus)):
            continue
        rhos = [spearman_rho(one.scores[name][mask], y) for one in populations]
        deltas = [
            tau - kendall_tau_b(one.scores[baseline][mask], y) if shared else math.nan
            for tau, one in zip(taus, populations, strict=True)
        ]
        delta = math.nan if any(map(math.isnan, deltas)) else stdev(deltas)
        found[name] = BatchNoise(len(draws), int(mask.sum()), stdev(taus), stdev(rhos), delta)
    return found


def widened(estimate: Estimate, sd: float, *, confidence: float) -> Estimate:
    """Add to an interval, in quadrature, a normal noise that it does not contain.

    Args:
        sd: standard deviation of the noise; NaN: unknown, the interval stays as it is.
    """
    if math.isnan(sd):
        return estimate
    noise = float(ndtri((1 + confidence) / 2)) * sd
    value, low, high = estimate
    return Estimate(
        value, value - math.hypot(value - low, noise), value + math.hypot(high - value, noise)
    )
