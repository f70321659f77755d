"""Which indicators say the same: Spearman's rho between all of them, clustered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from untrained.results.population import Floats, Population
from untrained.results.ranking import mid_ranks
from untrained.results.rankings import MIN_NETWORKS


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Spearman's rho between indicators, similar ones side by side."""

    indicators: tuple[str, ...]
    """In the order of the clustering; rows and columns of `rho`."""
    rho: tuple[tuple[float, ...], ...]
    """rho[i][j] over the networks that both have; larger is better on both sides. NaN where there
    are fewer than three, or one side is constant."""
    n: tuple[tuple[int, ...], ...]
    """Networks that both have."""
    linkage: tuple[tuple[float, float, float, float], ...]
    """Average linkage of the distances 1 - |rho| as scipy writes it: the two clusters joined,
    their distance, and how many indicators they hold. Clusters below `len(indicators)` are
    positions in `indicators`. Undefined rho counts as distance 1."""


def redundancy(population: Population) -> Redundancy:
    """How alike the indicators of a population rank.

    The distance 1 - |rho| calls indicators redundant that rank in opposite directions, too. Of the
    orders that a clustering leaves open, the one with the most similar neighbours is taken.

    Args:
        population: its true values matter in so far as only architectures that have one count.

    Returns:
        The matrix; it does not depend on the order of the scores.
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
    """Mid-ranks with mean 0 and length 1; NaN where there is nothing to correlate."""
    ranks = mid_ranks(values)
    if ranks.size < MIN_NETWORKS or (ranks == ranks[0]).all():
        return np.full(ranks.size, math.nan)
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.sqrt(centred @ centred))


def _clustering(rho: Floats) -> tuple[list[int], tuple[tuple[float, float, float, float], ...]]:
    """The order of the leaves, and the linkage with leaves numbered in that order."""
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
