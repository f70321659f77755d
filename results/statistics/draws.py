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
from statistics import stdev

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from untrained.results.statistics.bootstrap import Estimate
from untrained.results.statistics.jackknife import leave_out_rank_correlations
from untrained.results.statistics.population import MIN_NETWORKS, Floats, Population
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
        own = _Coefficients.of([one.scores[name][mask] for one in populations], y)
        if np.isnan(own.values).any():
            continue
        tau, rho = own.common_noise()
        delta = math.nan
        if shared:
            other = _Coefficients.of([one.scores[baseline][mask] for one in populations], y)
            delta, _ = own.minus(other).common_noise()
        found[name] = BatchNoise(
            len(draws), int(mask.sum()), tau, rho, delta, stdev(own.values[0].tolist())
        )
    return found


@dataclass(frozen=True, slots=True)
class _Coefficients:
    """Tau-b and Spearman's rho for each batch, of all networks and without each of them."""

    values: NDArray[np.float64]
    """Shape (2, batches)."""
    without: NDArray[np.float64]
    """Shape (2, batches, networks)."""

    @classmethod
    def of(cls, scores: Sequence[Floats], truth: Floats) -> _Coefficients:
        values = [(kendall_tau_b(one, truth), spearman_rho(one, truth)) for one in scores]
        without = [leave_out_rank_correlations(one, truth) for one in scores]
        return cls(np.array(values).T, np.array(without).swapaxes(0, 1))

    def minus(self, other: _Coefficients) -> _Coefficients:
        return _Coefficients(self.values - other.values, self.without - other.without)

    def common_noise(self) -> tuple[float, float]:
        """Compute the standard deviation between batches that no single network explains.

        Where a coefficient without some network is not defined, nothing is taken off.
        """
        _, batches, n = self.without.shape
        effects = (n - 1) * (self.values[:, :, None] - self.without)
        effects -= effects.mean(axis=1, keepdims=True)
        effects -= effects.mean(axis=2, keepdims=True)
        single = (effects**2).sum(axis=(1, 2)) / ((batches - 1) * n * (n - 1))
        variances = self.values.var(axis=1, ddof=1) - np.nan_to_num(single)
        same = np.ptp(self.values, axis=1) == 0  # their variance may be of rounding
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


def _farther(distance: float, noise: float) -> float:
    return min(distance, 0.0) + math.hypot(max(distance, 0.0), noise)
