"""Which differences between indicators are more than chance: paired bootstrap and Holm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

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
    """Two-sided paired bootstrap p-value: 2 (1 + m) / (1 + R), at most 1, where m is the smaller
    of the numbers of resamples whose difference is <= 0 and >= 0, of R. It cannot be smaller than
    2 / (1 + R). NaN without resamples."""
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
        p=bootstrap_p(replicates),
        p_holm=math.nan,
    )


def bootstrap_p(replicates: Floats) -> float:
    """The two-sided p-value of a difference being zero, from its bootstrap replicates.

    It is small where a percentile interval of high confidence leaves zero out. As in Monte Carlo
    tests (Davison and Hinkley, Bootstrap Methods and their Application, 1997, chapter 4) 1 is added
    to both counts, so p is never 0.

    Args:
        replicates: the difference in every resample; NaN is left out.

    Returns:
        min(1, 2 (1 + m) / (1 + R)), m the smaller of the numbers of replicates <= 0 and >= 0; NaN
        without replicates.
    """
    defined = replicates[~np.isnan(replicates)]
    if defined.size == 0:
        return math.nan
    smaller = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (1 + defined.size))


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
