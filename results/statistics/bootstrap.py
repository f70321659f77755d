"""The bootstrap: resamples as counts, and intervals from the replicates of a statistic.

A resample is written as how often it has each point, so that a coefficient of it is one of weighted
points (`weighted_correlation`) and no array is ever copied. Three resamples of four points, one a
column; the first drew the second and the fourth point once and the third one twice:

>>> next(resample_counts(4, 3, np.random.default_rng(0)))
array([[0., 3., 1.],
       [1., 1., 0.],
       [2., 0., 1.],
       [1., 0., 2.]], dtype=float32)

Of the replicates below, (3 + 1 / 2) / 5 = 0.7 lie below an estimate of 0.4. The percentile interval
takes their quantiles 0.25 and 0.75. The bias-corrected one has z0 = Phi^-1(0.7) = 0.524 and, as
this jackknife does not vary, takes the quantiles Phi(2 * 0.524 -+ 0.674) = 0.646 and 0.957.

>>> replicates = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
>>> percentile_interval(replicates, confidence=0.5)
(0.2, 0.4)
>>> low, high = bca_interval(replicates, 0.4, np.array([0.4, 0.4]), confidence=0.5)
>>> round(low, 3), round(high, 3)
(0.358, 0.483)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Interval = Literal["percentile", "bca"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)

BLOCK = 50_000
"""Points that are drawn at once, or one resample of more."""
CHUNK_BYTES = 1 << 26
"""Size of one chunk of counts; the working memory is a few times this."""

LINEAR_BEYOND = 10_000
"""Ranked networks beyond which coefficients of a resample are linear in the counts of networks."""

PARTS_BEYOND = 50_000
"""Ranked networks beyond which top slices are resampled within random parts."""

PARTS, PART_SIZE = 10, 20_000
"""How many such parts, and networks in each."""

SAME = 1e-12
"""Coefficients, numbers in [-2, 2], that differ by less are equal but for rounding."""


class Estimate(NamedTuple):
    """A statistic and the ends of its interval, which are NaN without resamples."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Resampling:
    """Number and seed of resamples, and kind and confidence of intervals.

    Raises:
        ValueError: a number is out of range, or the kind of interval is unknown.
    """

    resamples: int = 1000
    """0 for no intervals."""
    confidence: float = 0.95
    seed: int = 0
    interval: Interval = "percentile"

    def __post_init__(self) -> None:
        """Refuse numbers that are out of range."""
        if self.resamples < 0:
            raise ValueError(f"resamples is {self.resamples}; it must be at least 0")
        if not 0 < self.confidence < 1:
            raise ValueError(
                f"confidence is {self.confidence}; it must lie between 0 and 1, as in 0.95"
            )
        if self.interval not in INTERVALS:
            raise ValueError(f"interval is {self.interval!r}; it must be percentile or bca")


def resample_counts(
    num_points: int, resamples: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Draw the counts of `resamples` bootstrap resamples, in chunks that bound the memory.

    Each resample draws as many points as there are, with replacement, one resample after the other,
    so the counts do not depend on the size of the chunks.

    Args:
        num_points: n >= 1, how many points there are.

    Yields:
        Arrays of shape (n, r), the r of all chunks summing to R. Each column sums to n.
    """
    step = max(1, CHUNK_BYTES // (4 * max(1, num_points)))
    for start in range(0, resamples, step):
        width = min(step, resamples - start)
        counts = np.empty((width, num_points), dtype=np.float32)
        # of few points many resamples at once; the generator's stream is the same
        for block in np.array_split(counts, -(-counts.size // BLOCK)):
            drawn = generator.integers(num_points, size=block.shape)
            drawn += num_points * np.arange(len(block))[:, None]
            block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
        yield np.ascontiguousarray(counts.T)


def counts_in_parts(
    num_points: int, resamples: int, generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Draw resamples of random parts of many points.

    A statistic of n points varies sqrt(m / n) times as much as one of m. Deviations from its value
    in a part of m points, times that factor, are deviations from its value in the whole (bootstrap
    with smaller resamples: Bickel, Goetze and van Zwet, Statistica Sinica 7, 1997).

    Args:
        num_points: n >= PART_SIZE, how many points there are.

    Yields:
        A part as indices, shape (m,), and counts of its points, shape (m, r), the r of all parts
        summing to R. Each column sums to m.
    """
    for part in range(PARTS):
        points = np.sort(generator.choice(num_points, PART_SIZE, replace=False))
        share = len(range(part, resamples, PARTS))
        for counts in resample_counts(PART_SIZE, share, generator):
            yield points, counts


def percentile_interval(
    replicates: NDArray[np.float64], *, confidence: float
) -> tuple[float, float]:
    """Compute the percentile interval (Efron, "Bootstrap methods", Annals of Statistics, 1979).

    Args:
        replicates: the statistic in every resample, shape (R,). NaN, where a resample happened to
            be constant, is left out.
        confidence: in (0, 1), 0.95 for 95 %.

    Returns:
        The quantiles (1 - confidence) / 2 and (1 + confidence) / 2, linearly interpolated; NaN
        where no replicate is left.
    """
    return _quantiles(replicates, np.array([(1 - confidence) / 2, (1 + confidence) / 2]))


def bca_interval(
    replicates: NDArray[np.float64],
    estimate: float,
    jackknife: NDArray[np.float64],
    *,
    confidence: float,
) -> tuple[float, float]:
    """Compute the bias-corrected and accelerated bootstrap interval.

    Efron, "Better bootstrap confidence intervals", JASA 82, 1987. With the share b of replicates
    below the estimate (those equal to it count half), z0 = Phi^-1(b), and the acceleration

        a = sum_i d_i^3 / (6 (sum_i d_i^2)^(3/2)),    d_i = mean of the jackknife - its i-th value,

    the interval's ends are the quantiles Phi(z0 + z / (1 - a z)) with z = z0 + Phi^-1(alpha).
    |a| is at most 1/6. Where the jackknife does not vary, a is 0.

    Args:
        replicates: the statistic in every resample, shape (R,); NaN is left out.
        jackknife: the statistic with each point left out once; NaN is left out.
        confidence: in (0, 1), 0.95 for 95 %.

    Returns:
        The interval. NaN where there is none: no replicate or no estimate; every replicate on the
        same side of the estimate, which leaves the bias unknown; or 1 - a z <= 0, past which the
        acceleration reverses the order of the quantiles.
    """
    replicates = replicates[~np.isnan(replicates)]
    if replicates.size == 0 or math.isnan(estimate):
        return math.nan, math.nan
    equal = np.abs(replicates - estimate) <= SAME
    below = float(np.mean(np.where(equal, 0.5, replicates < estimate)))
    if not 0 < below < 1:
        return math.nan, math.nan
    bias = ndtri(below)
    z = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    slope = 1 - _acceleration(jackknife) * z
    if (slope <= 0).any():
        return math.nan, math.nan
    return _quantiles(replicates, ndtr(bias + z / slope))


def _acceleration(jackknife: NDArray[np.float64]) -> float:
    defined = jackknife[~np.isnan(jackknife)]
    deviations = defined.mean() - defined if defined.size else defined
    if np.abs(deviations).max(initial=0) <= SAME:
        return 0.0
    return float((deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5))


def _quantiles(replicates: NDArray[np.float64], levels: NDArray[np.float64]) -> tuple[float, float]:
    defined = replicates[~np.isnan(replicates)]
    if defined.size == 0:
        return math.nan, math.nan
    low, high = np.quantile(defined, levels)
    return float(low), float(high)


def standard_error(replicates: NDArray[np.float64]) -> float:
    """Compute the sample standard deviation of replicates; NaN with fewer than two numbers."""
    defined = replicates[~np.isnan(replicates)]
    return float(defined.std(ddof=1)) if defined.size > 1 else math.nan


def bootstrap_p(estimate: float, replicates: NDArray[np.float64]) -> float:
    """Compute the two-sided p of a difference being zero, by its bootstrap standard error.

    A share of replicates beyond zero cannot fall below one over their number, so that after Holm's
    adjustment for some hundred pairs nothing would be told apart; the normal approximation has no
    such floor (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12).

    Args:
        replicates: the difference in every resample; NaN is left out.

    Returns:
        2 Phi(-|estimate| / s), s the sample standard deviation of the replicates; where they are
        all equal 1 for an estimate of 0, else 0; NaN with fewer than two replicates, or without an
        estimate.
    """
    s = standard_error(replicates)
    if math.isnan(s) or math.isnan(estimate):
        return math.nan
    if s < SAME:
        return float(abs(estimate) < SAME)
    return float(2 * ndtr(-abs(estimate) / s))
