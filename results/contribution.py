"""What one indicator adds to another: the sum of their ranks against the other alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from untrained.results.bootstrap import Resampling
from untrained.results.pairwise import compare_with
from untrained.results.population import Mask, Population
from untrained.results.ranking import mid_ranks, spearman_rho
from untrained.results.rankings import MIN_NETWORKS, Rankings

_SUM = "sum of ranks"


@dataclass(frozen=True, slots=True)
class Contribution:
    """tau-b of the sum of two indicators' ranks minus that of the second one alone.

    Ranks are mid-ranks among the networks that have both scores, larger is better, as in the
    aggregate `rank_sum`. Resamples keep the sums.
    """

    other: str
    """The second indicator."""
    rho: float
    """Spearman's rho between the two, each oriented as it claims."""
    n: int
    tau_other: float
    tau_sum: float
    delta: float
    delta_low: float
    delta_high: float
    p: float
    """Two-sided, as in `PairComparison`."""


def contribution(
    population: Population, name: str, other: str, *, resampling: Resampling
) -> Contribution:
    """What `name` adds to `other`.

    Args:
        population: has scores of both.
        name: the first indicator.
        other: the second.
        resampling: how intervals are made.

    Returns:
        NaN throughout with fewer than three networks that have both scores.
    """
    mask = population.having(name, other)
    n = int(mask.sum())
    if n < MIN_NETWORKS:
        return Contribution(other, math.nan, n, *([math.nan] * 6))
    first, second = population.scores[name][mask], population.scores[other][mask]
    sums = np.full(population.size, math.nan)
    sums[mask] = mid_ranks(first) + mid_ranks(second)
    both = Population(
        population.truth, {_SUM: sums, other: population.scores[other]}, population.clusters
    )
    rankings = Rankings(both, resampling)
    (compared,) = compare_with(rankings, _SUM)
    return Contribution(
        other=other,
        rho=spearman_rho(first, second),
        n=n,
        tau_other=rankings.point(rankings.ranking(other, having=[_SUM]))[0],
        tau_sum=rankings.point(rankings.ranking(_SUM))[0],
        delta=compared.delta,
        delta_low=compared.delta_low,
        delta_high=compared.delta_high,
        p=compared.p,
    )


def nearest(population: Population, name: str, *, coverage: float = 0.5) -> str | None:
    """The indicator that ranks most like another one: the largest |rho| between their scores.

    Args:
        population: with both.
        name: the indicator.
        coverage: what share of the networks that have its score the other must have as well.

    Returns:
        The first of equal ones in the order of the scores; None where rho is nowhere defined.
    """
    own = population.having(name)
    found: tuple[float, str] | None = None
    for other, scores in population.scores.items():
        mask = own & ~np.isnan(scores)
        if other == name or not _enough(mask, own, coverage):
            continue
        rho = abs(spearman_rho(population.scores[name][mask], scores[mask]))
        if not math.isnan(rho) and (found is None or rho > found[0] + 1e-12):
            found = rho, other
    return None if found is None else found[1]


def _enough(mask: Mask, own: Mask, coverage: float) -> bool:
    return int(mask.sum()) >= max(MIN_NETWORKS, coverage * int(own.sum()))
