"""What a choice by score is worth: expected values over random orders of equal scores."""

from __future__ import annotations

import math

import numpy as np

from untrained.results.population import Floats
from untrained.results.ranking import mid_ranks
from untrained.results.top import Pick
from untrained.results.top_cut import Order


def best_of(scores: Floats, truth: Floats, k: int) -> Pick:
    """The best by truth of the k best by score.

    Where equal scores straddle the k-th place, r of m are chosen at random, and the j-th smallest
    of their true values is the largest chosen with probability C(j-1, r-1) / C(m, r).

    Args:
        scores: n >= 1 values, larger is better, no NaN.
        truth: n values, larger is better, no NaN.
        k: how many are chosen, >= 1; n where it is larger.

    Returns:
        Expected regret and rank.
    """
    n = truth.size
    k = min(k, n)
    cut = np.partition(scores, n - k)[n - k]
    sure, tied = truth[scores > cut], np.sort(truth[scores == cut])
    chances = _chances_of_largest(tied.size, k - sure.size)
    best = np.maximum(tied, sure.max(initial=-np.inf))
    better = n - np.searchsorted(np.sort(truth), best, side="right")
    drawn = chances > 0  # a true value that is never the pick may be infinite
    return Pick(
        k=k,
        regret=float(chances[drawn] @ (truth.max() - best[drawn])),
        rank=float(1 + chances @ better),
    )


def _chances_of_largest(m: int, r: int) -> Floats:
    """The probability that the j-th smallest of m is the largest of r drawn, for each j."""
    at_most = np.ones(m + 1)
    # P(largest <= j-th) = C(j, r) / C(m, r), from the top down
    for j in range(m, 0, -1):
        at_most[j - 1] = at_most[j] * max(0, j - r) / j
    return np.diff(at_most)


def expected_ndcg(scores: Floats, truth: Floats, k: int) -> float:
    """The normalised discounted cumulative gain of the k best by score.

    Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002,
    with the gains of Burges et al., "Learning to rank using gradient descent", ICML 2005:

        sum_{j<=k} (2^(g_j) - 1) / log2(1 + j), over the same sum for the order of the truth,

    where g in [0, 1] is the mid-rank of a network's true value, 0 for the worst and 1 for the best:
    any monotone map of the truth leaves it as it is. Equal scores share the mean discount of their
    places (McSherry and Najork, "Computing information retrieval performance measures efficiently
    in the presence of tied scores", ECIR 2008).

    Args:
        scores: n values, larger is better, no NaN.
        truth: n values, larger is better, no NaN.
        k: how many places count.

    Returns:
        A number in [0, 1]; NaN where n < 2 or the truth is constant.
    """
    n = truth.size
    ranks = mid_ranks(truth)
    if n < 2 or (ranks == ranks[0]).all():
        return math.nan
    gains = 2 ** (ranks / (n - 1)) - 1
    discounts = np.zeros(n)
    discounts[:k] = 1 / np.log2(np.arange(2, min(k, n) + 2))
    order = Order.of(scores)
    sizes = np.diff(order.starts, append=n)
    shared = np.repeat(np.add.reduceat(discounts, order.starts) / sizes, sizes)
    return float(gains[order.points] @ shared / (np.sort(gains)[::-1] @ discounts))
