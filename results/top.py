"""How well scores tell the best architectures apart: the top of the ranking, and what they pick."""

from __future__ import annotations

import math
from dataclasses import dataclass

FRACTIONS = (0.01, 0.05, 0.1)
"""The slices that papers report."""

PICKS = (1, 10)
"""How many of the best-scored architectures are trained: the arg-max, and ten."""


@dataclass(frozen=True, slots=True)
class TopSlice:
    """An indicator inside the best of the population, best by the truth.

    k = ceil(fraction * n) of the n ranked networks. tau and rho are those over the networks whose
    true value is at least the k-th largest: ties with the k-th are all in. `precision` and `ndcg`
    are expected values where ties at the cut, in the scores or in the truth, are broken at random.
    Intervals are percentile bootstrap intervals over the whole population, the slice taken anew
    in each resample. What does not exist is NaN.
    """

    fraction: float
    k: int
    n: int
    """Networks in the slice: k, and those tied with the k-th."""
    tau: float
    """tau-b over the slice."""
    tau_low: float
    tau_high: float
    rho: float
    """Spearman's rho over the slice."""
    rho_low: float
    rho_high: float
    precision: float
    """precision@k, the share of the k best by score that are among the k best by the truth: with
    k on both sides this is the overlap (and the recall). k / n is what chance gives."""
    precision_low: float
    precision_high: float
    ndcg: float
    """Normalised discounted cumulative gain of the k best by score. The gain of a network is
    2^g - 1, where g in [0, 1] is its mid-rank in the truth counted from the worst; the discount of
    the j-th place is log2(1 + j)."""


@dataclass(frozen=True, slots=True)
class Pick:
    """What training the k best-scored networks and keeping the best of them gives.

    Expected values where equal scores are ordered at random.
    """

    k: int
    """As wished for, or the number of ranked networks where that is smaller."""
    regret: float
    """The best true value of all ranked networks minus that of the pick, in the unit of the
    target; never negative."""
    rank: float
    """1 + the number of ranked networks that are truly better than the pick."""


@dataclass(frozen=True, slots=True)
class TopRanking:
    """One indicator at the top of the ranking."""

    n: int
    """Networks ranked."""
    tau_weighted: float
    """Kendall's tau with additive hyperbolic weights (Vigna, 2015): disagreement at the top
    counts most."""
    slices: tuple[TopSlice, ...]
    """By ascending fraction."""
    picks: tuple[Pick, ...]
    """By ascending k; the first is the arg-max."""

    def slice_of(self, fraction: float) -> TopSlice | None:
        """The slice of this fraction, if it was computed."""
        return next((one for one in self.slices if math.isclose(one.fraction, fraction)), None)
