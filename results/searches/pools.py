"""Runs on several pools of networks: what varies between pools, and what within them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from untrained.results.searches.runs import Floats


@dataclass(frozen=True, slots=True)
class Pools:
    """Random pools of equally many networks, each drawn without replacement from the same ones."""

    number: int
    size: int
    """Networks in each pool."""
    drawn_from: int
    """Networks that each pool is drawn from: those that have scores."""
    space_size: int | None
    """Networks of the space; None: too many to count."""

    @property
    def further_variance(self) -> float:
        """Compute the variance that other scored networks add, in units of that between pools.

        A mean over a pool of k of n networks varies by S² (1/k - 1/n) between pools, and the mean
        over all pools by S² (1/n - 1/N) between samples of n of N networks, so that the quotient is

            (1/n - 1/N) / (1/k - 1/n)

        It is 1 for halves of a small part of a space. It is exact for means over networks and an
        approximation for the answer of a search.
        """
        other = 1 / self.drawn_from - (1 / self.space_size if self.space_size else 0.0)
        between = 1 / self.size - 1 / self.drawn_from
        return other / between if between > 0 else math.nan


@dataclass(frozen=True, slots=True)
class PoolSpread:
    """The runs of a search in one column, pool by pool; NaN where there are too few of either."""

    pools: int
    """Pools in which at least one run found something."""
    runs: int
    """Runs that found something."""
    mean: float
    """Mean of the means of the pools."""
    between: float
    """Standard deviation of a pool's expected value, without the part that is due to few runs."""
    within: float
    """Standard deviation of the runs of one pool."""
    standard_error: float
    """Standard error of the mean about all pools of the same scored networks."""
    wider_error: float
    """Standard error about pools of other scored networks; see `Pools.further_variance`."""

    def half_width(self, *, wider: bool = False) -> float:
        """Compute half the 95 % interval of the mean, by Student's t with pools - 1 degrees."""
        if self.pools < 2:
            return math.nan
        error = self.wider_error if wider else self.standard_error
        return float(stdtrit(self.pools - 1, 0.975)) * error


def pool_spread(values: Floats | Sequence[float], pools: Pools) -> PoolSpread:
    """Separate the variance between pools from that within, by analysis of nested variance.

    Model: y_ij = m + a_i + e_ij for run j on pool i. The mean m is estimated by the mean of the
    means of the pools, each of weight one; its standard error is the standard deviation of these
    means divided by the square root of their number, which needs neither equal numbers of runs nor
    normality. The variance within is pooled over pools, and the variance between is that of the
    means less the variance within divided by the harmonic mean of the numbers of runs, at least 0.

    Args:
        values: one a run, NaN where it found nothing; run r is on pool r modulo their number.
    """
    given = np.asarray(values, dtype=np.float64)
    of_pool = [
        part[~np.isnan(part)] for part in (given[k :: pools.number] for k in range(pools.number))
    ]
    groups = [part for part in of_pool if len(part)]
    runs = sum(map(len, groups))
    means = np.array([part.mean() for part in groups])
    if not groups:
        return PoolSpread(0, 0, *[math.nan] * 5)
    mean, nan = float(means.mean()), math.nan
    degrees = runs - len(groups)
    squares = sum(float(((part - part.mean()) ** 2).sum()) for part in groups)
    within = squares / degrees if degrees else nan
    if len(groups) < 2:
        return PoolSpread(1, runs, mean, nan, math.sqrt(within), nan, nan)
    of_means = float(means.var(ddof=1))
    between = of_means - within * float(np.mean([1 / len(part) for part in groups]))
    between = between if math.isnan(between) else max(0.0, between)
    # without repeated runs all of the variance between means counts as that of pools
    further = (of_means if math.isnan(between) else between) * pools.further_variance
    error = math.sqrt(of_means / len(groups))
    return PoolSpread(
        pools=len(groups),
        runs=runs,
        mean=mean,
        between=math.sqrt(between),
        within=math.sqrt(within),
        standard_error=error,
        wider_error=math.sqrt(error**2 + further),
    )
