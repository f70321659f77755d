"""Differences between indicators, to the best trivial baseline too, and their redundancy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from untrained.results.statistics.draws import BatchNoise, with_noise
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Population,
    Ranking,
    Rankings,
    TauDifference,
)
from untrained.results.statistics.rank_correlation import mid_ranks


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
    """Two-sided: 2 Phi(-|delta| / s), s the standard deviation of the paired bootstrap replicates
    and of the noise of the batch, where that is known, in quadrature. NaN without resamples."""
    p_holm: float
    """p adjusted by Holm's step-down method for all pairs of the table that have a p."""


def compare_pairs(
    rankings: Rankings, *, noise: Mapping[str, BatchNoise] | None = None
) -> tuple[PairComparison, ...]:
    """Compare every pair of a population's indicators, in the order of its scores.

    Args:
        noise: of the batch, by indicator, to be added to intervals and p-values.
    """
    return _compare(rankings, combinations(rankings.population.scores, 2), noise or {})


def compare_with(rankings: Rankings, name: str) -> tuple[PairComparison, ...]:
    """Compare one indicator, the `first`, with each of the others."""
    others = (other for other in rankings.population.scores if other != name)
    return _compare(rankings, ((name, other) for other in others), {})


def _compare(
    rankings: Rankings, names: Iterable[tuple[str, str]], noise: Mapping[str, BatchNoise]
) -> tuple[PairComparison, ...]:
    pairs = [rankings.pair(*both) for both in names]
    rankings.resample(ranking for pair in pairs for ranking in pair)
    found = [(*pair, _difference(rankings, *pair, noise)) for pair in pairs]
    adjusted = holm([difference.p for _, _, difference in found])
    return tuple(
        PairComparison(first.x, second.x, first.n, *difference.estimate, difference.p, p_holm)
        for (first, second, difference), p_holm in zip(found, adjusted, strict=True)
    )


def _difference(
    rankings: Rankings, first: Ranking, second: Ranking, noise: Mapping[str, BatchNoise]
) -> TauDifference:
    of_first = noise.get(first.x)
    sd = of_first.deltas.get(second.x, math.nan) if of_first else math.nan
    difference = rankings.difference(first, second)
    return with_noise(difference, sd, confidence=rankings.resampling.confidence)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number.

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


TRIVIAL = ("params", "flops", "depth", "random")
"""Indicators that anyone has for free."""


@dataclass(frozen=True, slots=True)
class BaselineDifference:
    """An indicator's tau-b minus that of the best trivial baseline on the same networks.

    The baseline is the one with the largest tau over the networks that have this score and all
    baselines'; it is kept in the resamples, so the interval does not hold the choice itself.
    """

    baseline: str
    n: int
    """Networks that have the score and all the baselines'."""
    tau: float
    """Of the indicator over these networks."""
    tau_baseline: float
    delta: float
    delta_low: float
    delta_high: float
    """Paired bootstrap interval, with the noise of the batch where that is known."""


def best_baselines(
    rankings: Rankings,
    *,
    trivial: Sequence[str] = TRIVIAL,
    noise: Mapping[str, BatchNoise] | None = None,
) -> dict[str, BaselineDifference]:
    """Compare every indicator with the best trivial baseline.

    Args:
        trivial: the baselines, as far as the population has them; of equally good ones the first
            counts as the best.
        noise: of the batch, by indicator, to be added to intervals.

    Returns:
        By indicator, without the baselines themselves; empty without any baseline.
    """
    names = rankings.population.scores
    present = [name for name in trivial if name in names]
    others = [name for name in names if name not in present] if present else []
    best = {name: _best(rankings, name, present) for name in others}
    pairs = {
        name: (
            rankings.ranking(name, having=present),
            rankings.ranking(baseline, having=[name, *present]),
        )
        for name, baseline in best.items()
    }
    rankings.resample(ranking for pair in pairs.values() for ranking in pair)
    found = {}
    for name, (own, theirs) in pairs.items():
        found[name] = BaselineDifference(
            best[name],
            own.n,
            rankings.point(own)[0],
            rankings.point(theirs)[0],
            *_difference(rankings, own, theirs, noise or {}).estimate,
        )
    return found


def _best(rankings: Rankings, name: str, present: Sequence[str]) -> str:
    taus = {
        baseline: rankings.point(rankings.ranking(baseline, having=[name, *present]))[0]
        for baseline in present
    }
    # a constant baseline has no tau, and is no baseline unless there is no other
    return max(present, key=lambda baseline: (not math.isnan(taus[baseline]), taus[baseline]))


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Spearman's rho between indicators, similar ones side by side."""

    indicators: tuple[str, ...]
    """In the order of the clustering; rows and columns of `rho`."""
    rho: tuple[tuple[float, ...], ...]
    """`rho[i][j]` over the networks that both have; larger is better on both sides. NaN where there
    are fewer than three, or one side is constant."""
    n: tuple[tuple[int, ...], ...]
    """Networks that both have."""
    linkage: tuple[tuple[float, float, float, float], ...]
    """Average linkage of the distances 1 - |rho| as scipy writes it: the two clusters joined,
    their distance, and how many indicators they hold. Clusters below `len(indicators)` are
    positions in `indicators`. Undefined rho counts as distance 1."""


def redundancy(population: Population) -> Redundancy:
    """Correlate the indicators of a population with each other, and cluster them.

    The distance 1 - |rho| calls indicators redundant that rank in opposite directions, too. Of the
    orders that a clustering leaves open, the one with the most similar neighbours is taken; the
    order of the scores does not matter.
    """
    names = sorted(population.scores)
    rho = np.ones((len(names), len(names)))
    n = np.zeros_like(rho, dtype=np.int64)
    ranks: dict[tuple[str, bytes], Floats] = {}
    for (i, one), (j, other) in [
        *(((i, name), (i, name)) for i, name in enumerate(names)),
        *combinations(enumerate(names), 2),
    ]:
        mask = population.having(one, other)
        for name in {one, other}:
            # most indicators have scores of the same networks and are ranked once
            key = name, mask.tobytes()
            if key not in ranks:
                ranks[key] = _standardised(population.scores[name][mask])
        n[i, j] = n[j, i] = mask.sum()
        product = ranks[one, mask.tobytes()] @ ranks[other, mask.tobytes()]
        rho[i, j] = rho[j, i] = np.clip(product, -1.0, 1.0) if mask.any() else math.nan
    order, joined = _clustering(rho)
    return Redundancy(
        indicators=tuple(names[i] for i in order),
        rho=tuple(tuple(float(value) for value in row) for row in rho[np.ix_(order, order)]),
        n=tuple(tuple(int(value) for value in row) for row in n[np.ix_(order, order)]),
        linkage=joined,
    )


def _standardised(values: Floats) -> Floats:
    """Compute mid-ranks with mean 0 and length 1; NaN where there is nothing to correlate."""
    ranks = mid_ranks(values)
    if ranks.size < MIN_NETWORKS or (ranks == ranks[0]).all():
        return np.full(ranks.size, math.nan)
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.sqrt(centred @ centred))


def _clustering(rho: Floats) -> tuple[list[int], tuple[tuple[float, float, float, float], ...]]:
    """Compute the order of the leaves, and the linkage with leaves numbered in that order."""
    size = len(rho)
    if size < 2:
        return list(range(size)), ()
    distances = 1 - np.abs(np.nan_to_num(rho, nan=0.0))
    np.fill_diagonal(distances, 0)
    joined = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    order = [int(leaf) for leaf in leaves_list(joined)]
    place = {leaf: position for position, leaf in enumerate(order)}
    return order, tuple(
        (
            float(place.get(int(one), int(one))),
            float(place.get(int(other), int(other))),
            float(distance),
            float(members),
        )
        for one, other, distance, members in joined
    )
