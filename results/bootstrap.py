"""The bootstrap over architectures: resamples as counts, percentile intervals of replicates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Interval = Literal["percentile", "bca"]

CHUNK_BYTES = 1 << 26
"""Size of one chunk of counts; the working memory is a few times this."""


def resample_counts(
    num_points: int, resamples: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Counts of `resamples` bootstrap resamples, in chunks that bound the memory.

    Each resample draws `num_points` indices with replacement, one resample after the other, so the
    counts do not depend on the size of the chunks.

    Args:
        num_points: n >= 1, how many points there are to draw from.
        resamples: R, how many resamples.
        generator: draws them.

    Yields:
        Arrays of shape (n, r), the r of all chunks summing to R; each column sums to n.
    """
    step = max(1, CHUNK_BYTES // (4 * max(1, num_points)))
    for start in range(0, resamples, step):
        width = min(step, resamples - start)
        counts = np.empty((width, num_points), dtype=np.float32)
        for row in counts:
            row[:] = np.bincount(
                generator.integers(num_points, size=num_points), minlength=num_points
            )
        yield np.ascontiguousarray(counts.T)


def percentile_interval(
    replicates: NDArray[np.float64], *, confidence: float
) -> tuple[float, float]:
    """The percentile bootstrap interval (Efron, "Bootstrap methods", Annals of Statistics, 1979).

    Args:
        replicates: the statistic in every resample, shape (R,). NaN, where a resample happened to
            be constant, is left out.
        confidence: in (0, 1), 0.95 for 95 %.

    Returns:
        The quantiles (1 - confidence) / 2 and (1 + confidence) / 2, linearly interpolated; NaN
        where no replicate is left.
    """
    defined = replicates[~np.isnan(replicates)]
    if defined.size == 0:
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
