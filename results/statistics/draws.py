"""Noise of the batch that all networks share, so that no resample of networks contains it.

A batch also moves each network by itself. That part shrinks with the number of networks, and a
resample of networks contains it. Let tau_b be the coefficient of n networks for batch b of B, and
e_ib = (n - 1) (tau_b - tau_b without network i) what network i adds to it. The noise left is

    s^2 = var_b(tau_b) - sum_ib (e_ib - e_i. - e_.b + e_..)^2 / ((B - 1) n (n - 1)),

a dot for a mean over that index: the variance component of batches in the analysis of variance of
two ways, on the pseudo-values of the jackknife. It is 0 where single networks explain all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from statistics import stdev

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from untrained.results.statistics.bootstrap import Estimate
from untrained.results.statistics.jackknife import leave_out_rank_correlations
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Mask,
    Population,
    TauDifference,
)
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho


@dataclass(frozen=True, slots=True)
class BatchNoise:
    """Standard deviations (divisor: draws - 1) of coefficients over draws of the batch.

    Only what the networks have in common counts, save in `tau_of_part`: see this module.
    """

    draws: int
    n: int
    """Networks that have a score for every batch and a true value: a part of the population."""
    tau: float
    """Of tau-b with the truth."""
    rho: float
    """Of Spearman's rho with the truth."""
    delta: float
    """Of the difference of tau-b to the baseline; NaN without a baseline."""
    tau_of_part: float
    """Of tau-b on these networks, with what the batch does to each of them."""
    deltas: Mapping[str, float]
    """Of the difference of tau-b to each other indicator, on the networks that both have; without
    those of which fewer than three networks have both."""


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
    scored: dict[str, Mask] = {
        name: np.logical_and.reduce([one.having(name) for one in populations])
        for name in populations[0].scores
        if all(name in one.scores for one in populations)
    }

    @cache
    def coefficients(name: str, networks: bytes) -> Floats:
        mask = np.frombuffer(networks, dtype=np.bool_)
        return _coefficients(
            [one.scores[name][mask] for one in populations], populations[0].truth[mask]
        )

    deltas: dict[str, dict[str, float]] = {name: {} for name in scored}
    for one, other in combinations(scored, 2):
        both = scored[one] & scored[other]
        if both.sum() >= MIN_NETWORKS:
            pair = [coefficients(name, both.tobytes()) for name in (one, other)]
            deltas[one][other], _ = _common_noise(pair[0] - pair[1])
            deltas[other][one] = deltas[one][other]
    found = {}
    for name, own_mask in scored.items():
        mask = own_mask & scored.get(baseline, own_mask)
        own = coefficients(name, mask.tobytes()) if mask.sum() >= MIN_NETWORKS else None
        if own is not None and not np.isnan(own[..., 0]).any():
            found[name] = BatchNoise(
                len(draws),
                int(mask.sum()),
                *_common_noise(own),
                0.0 if name == baseline else deltas[name].get(baseline, math.nan),
                stdev(own[0, :, 0].tolist()),
                deltas[name],
            )
    return found


def _coefficients(scores: Sequence[Floats], truth: Floats) -> Floats:
    """Compute tau-b and Spearman's rho for each batch, of all networks and without each of them.

    Returns:
        Shape (2, batches, 1 + networks), all networks first.
    """
    found = [
        np.column_stack(
            [
                (kendall_tau_b(one, truth), spearman_rho(one, truth)),
                leave_out_rank_correlations(one, truth),
            ]
        )
        for one in scores
    ]
    return np.array(found).swapaxes(0, 1)


def _common_noise(coefficients: Floats) -> tuple[float, float]:
    """Compute the standard deviations between batches that no single network explains.

    Where a coefficient without some network is not defined, nothing is taken off.
    """
    values, without = coefficients[..., 0], coefficients[..., 1:]
    _, batches, n = without.shape
    effects = (n - 1) * (values[:, :, None] - without)
    effects -= effects.mean(axis=1, keepdims=True)
    effects -= effects.mean(axis=2, keepdims=True)
    single = (effects**2).sum(axis=(1, 2)) / ((batches - 1) * n * (n - 1))
    variances = values.var(axis=1, ddof=1) - np.nan_to_num(single)
    same = np.ptp(values, axis=1) == 0  # their variance may be of rounding
    tau, rho = np.sqrt(np.where(same | (variances < 0), 0, variances))
    return float(tau), float(rho)


def widened(estimate: Estimate, sd: float, *, confidence: float, largest: float = 1.0) -> Estimate:
    """Add to an interval, in quadrature, a normal noise that it does not contain.

    An end on the far side of the value, which resamples may be biased against, is moved by the
    noise alone.

    Args:
        sd: standard deviation of the noise; NaN: unknown, the interval stays as it is.
        largest: absolute value that the statistic cannot exceed, and no end of its interval does.
    """
    if math.isnan(sd):
        return estimate
    noise = float(ndtri((1 + confidence) / 2)) * sd
    value, low, high = estimate
    return Estimate(
        value,
        max(value - _farther(value - low, noise), -largest),
        min(value + _farther(high - value, noise), largest),
    )


def with_noise(difference: TauDifference, sd: float, *, confidence: float) -> TauDifference:
    """Add to the interval, the p and the error of a difference a noise that they do not contain.

    Args:
        sd: standard deviation of the noise; NaN or 0: the difference stays as it is.
    """
    if not sd > 0:
        return difference
    estimate = widened(difference.estimate, sd, confidence=confidence, largest=2.0)
    error = math.hypot(difference.error, sd)
    return TauDifference(estimate, float(2 * ndtr(-abs(estimate.value) / error)), error)


def _farther(distance: float, noise: float) -> float:
    return min(distance, 0.0) + math.hypot(max(distance, 0.0), noise)
