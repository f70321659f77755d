"""Rank correlations of two sequences, and how many of their pairs are tied."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from untrained.results.statistics.concordance import Side, concordances


def dense_ranks(values: ArrayLike) -> NDArray[np.int64]:
    """Rank values 0, 1, 2, ... in ascending order, equal values sharing one rank.

    Args:
        values: one-dimensional; infinite values are legal and rank first or last.

    Raises:
        ValueError: a value is NaN (callers drop incomplete pairs), or the shape is wrong.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"a ranking needs one-dimensional values, got shape {array.shape}")
    if np.issubdtype(array.dtype, np.floating) and np.isnan(array).any():
        raise ValueError(f"{int(np.isnan(array).sum())} of {array.size} values to rank are NaN")
    if np.issubdtype(array.dtype, np.signedinteger) and array.size:
        low = array.min()
        if array.max() - low <= 4 * array.size:  # ranks of more points, say: no need to sort
            counted = np.bincount(array - low) > 0
            return np.asarray((np.cumsum(counted) - 1)[array - low], dtype=np.int64)
    return np.asarray(scipy.stats.rankdata(array, method="dense") - 1, dtype=np.int64)


def mid_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Rank values from 0 in ascending order, equal values sharing the mean of their ranks.

    Values and errors are those of `dense_ranks`.
    """
    ranks = dense_ranks(values)
    sizes = np.bincount(ranks)
    return np.asarray((np.cumsum(sizes) - (sizes + 1) / 2)[ranks], dtype=np.float64)


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float:
    """Compute tau-b: (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y).

    Kendall, "The treatment of ties in ranking problems", Biometrika 33, 1945.

    Returns:
        A number in [-1, 1]; NaN where n < 2 or one side is constant.

    Raises:
        ValueError: a value is NaN, or the lengths differ.
    """
    a, b = _paired_ranks(x, y)
    if _is_constant(a) or _is_constant(b):
        return math.nan
    return float(scipy.stats.kendalltau(a, b, variant="b").statistic)


def spearman_rho(x: ArrayLike, y: ArrayLike) -> float:
    """Compute Spearman's rho: Pearson's correlation of the mid-ranks.

    Range and errors are those of `kendall_tau_b`.
    """
    a, b = _paired_ranks(x, y)
    if _is_constant(a) or _is_constant(b):
        return math.nan
    return float(scipy.stats.spearmanr(a, b).statistic)


def weighted_tau(x: ArrayLike, y: ArrayLike, shares: NDArray[np.int64] | None = None) -> float:
    """Compute Kendall's tau with additive hyperbolic weights: the top counts most.

    Vigna, "A weighted correlation index for rankings with ties", WWW 2015. A pair weighs
    1 / (1 + r) + 1 / (1 + s), r and s the ranks of its members counted from 0 for the largest. The
    mean of two such coefficients, as `scipy.stats.weightedtau` has it with `rank=True`: ranks by x
    with ties decided by y, and by y with ties decided by x. Range and errors are those of
    `kendall_tau_b`.

    Args:
        shares: the `concordances` of the points, where they are known.
    """
    a, b = _paired_ranks(x, y)
    if _is_constant(a) or _is_constant(b):
        return math.nan
    if a.size <= _SCIPY_UP_TO:
        return float(scipy.stats.weightedtau(a, b, rank=True, additive=True).statistic)
    return _weighted_tau_of_many(a, b, concordances(a, b) if shares is None else shares)


_SCIPY_UP_TO = 50_000
"""Points beyond which scipy takes seconds."""


def _weighted_tau_of_many(
    a: NDArray[np.int64], b: NDArray[np.int64], shares: NDArray[np.int64]
) -> float:
    """Compute `weighted_tau` of dense ranks: a pair's weights add up, so each point has its own."""
    untied = [side.below + side.above for side in (Side(a), Side(b))]
    found = []
    for first, then in ((a, b), (b, a)):
        weights = np.empty(a.size)
        weights[np.argsort(-first * (int(then.max()) + 1) - then)] = 1 / np.arange(1, a.size + 1)
        scale = math.sqrt(weights @ untied[0]) * math.sqrt(weights @ untied[1])
        found.append(float(weights @ shares) / scale)
    return (found[0] + found[1]) / 2


def tied_pair_fraction(values: ArrayLike) -> float:
    """Compute the fraction of the n (n - 1) / 2 pairs with equal values; NaN where n < 2.

    Raises:
        ValueError: a value is NaN.
    """
    ranks = dense_ranks(values)
    if ranks.size < 2:
        return math.nan
    counts = np.bincount(ranks)
    return float((counts * (counts - 1)).sum() / (ranks.size * (ranks.size - 1)))


def _paired_ranks(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Ranks in place of values change neither coefficient and keep infinite values out of scipy,
    # whose search for NaN has taken inf - inf for one.
    a, b = dense_ranks(x), dense_ranks(y)
    if a.size != b.size:
        raise ValueError(f"{a.size} values cannot be paired with {b.size}")
    return a, b


def _is_constant(ranks: NDArray[np.int64]) -> bool:
    return ranks.size < 2 or not ranks.any()
