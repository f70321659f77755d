"""Which differences between indicators are more than chance: paired bootstrap and Holm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from untrained.results.bootstrap import SAME
from untrained.results.correlation import difference
from untrained.results.population import Floats
from untrained.results.rankings import Ranking, Rankings


@dataclass(frozen=True, slots=True)
class PairComparison:
    """The difference of two indicators' tau-b over the networks that both have a score for."""

    first: str
    second: str
    n: int
    delta: float
    """tau-b of `first` minus that of `second`."""
    delta_low: float
    delta_high: float
    p: float
    """Two-sided: 2 Phi(-|delta| / s), s the standard deviation of the paired bootstrap replicates.
    NaN without resamples."""
    p_holm: float
    """p adjusted by Holm's step-down method for all pairs of the table that have a p."""


def compare_pairs(rankings: Rankings) -> tuple[PairComparison, ...]:
    """Every pair of a population's indicators.

    Args:
        rankings: of the population.

    Returns:
        One comparison a pair, in the order of the population's scores.
    """
    pairs = [
        (rankings.ranking(one, having=[other]), rankings.ranking(other, having=[one]))
        for one, other in combinations(rankings.population.scores, 2)
    ]
    return _adjusted(rankings, pairs)


def compare_with(rankings: Rankings, name: str) -> tuple[PairComparison, ...]:
    """One indicator against each of the others, adjusted for as many comparisons.

    Args:
        rankings: of the population.
        name: the indicator, `first` in every comparison.

    Returns:
        One comparison a further indicator, in the order of the population's scores.
    """
    pairs = [
        (rankings.ranking(name, having=[other]), rankings.ranking(other, having=[name]))
        for other in rankings.population.scores
        if other != name
    ]
    return _adjusted(rankings, pairs)


def _adjusted(
    rankings: Rankings, pairs: Sequence[tuple[Ranking, Ranking]]
) -> tuple[PairComparison, ...]:
    rankings.resample(ranking for pair in pairs for ranking in pair)
    found = [_compare(rankings, *pair) for pair in pairs]
    adjusted = holm([one.p for one in found])
    return tuple(replace(one, p_holm=p) for one, p in zip(found, adjusted, strict=True))


def _compare(rankings: Rankings, first: Ranking, second: Ranking) -> PairComparison:
    delta, low, high = difference(rankings, first, second)
    replicates = rankings.replicates(first)[0] - rankings.replicates(second)[0]
    return PairComparison(
        first=first.x,
        second=second.x,
        n=first.n,
        delta=delta,
        delta_low=low,
        delta_high=high,
        p=bootstrap_p(delta, replicates),
        p_holm=math.nan,
    )


def bootstrap_p(estimate: float, replicates: Floats) -> float:
    """The two-sided p-value of a difference being zero, by its bootstrap standard error.

    A share of replicates beyond zero cannot fall below one over their number, so that after Holm's
    adjustment for some hundred pairs nothing would be told apart; the normal approximation has no
    such floor (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12).

    Args:
        estimate: the difference itself.
        replicates: the difference in every resample; NaN is left out.

    Returns:
        2 Phi(-|estimate| / s), s the sample standard deviation of the replicates; where they are
        all equal 1 for an estimate of 0, else 0; NaN with fewer than two replicates, or without an
        estimate.
    """
    defined = replicates[~np.isnan(replicates)]
    if defined.size < 2 or math.isnan(estimate):
        return math.nan
    s = float(defined.std(ddof=1))
    if s < SAME:
        return float(abs(estimate) < SAME)
    return float(2 * ndtr(-abs(estimate) / s))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for how many there are.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979: the i-th smallest of m is multiplied by m - i + 1, then raised to the
    largest before it. All those <= alpha may be rejected, and the chance that any true hypothesis
    is among them is at most alpha, however the tests depend on each other.

    Args:
        p: p-values; NaN is not counted and stays NaN.

    Returns:
        As many, in the same order, at most 1.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(values.size, math.nan)
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    steps = values[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(value) for value in adjusted]
