"""The best of a population, cut off after a number of networks, in many resamples at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.results.population import Floats
from untrained.results.ranking import dense_ranks
from untrained.results.tie_blocks import Floats as AnyFloats


def wanted(fraction: float, networks: Floats) -> Floats:
    """ceil(fraction * networks), forgiving what a fraction like 0.1 loses in binary.

    Args:
        fraction: in (0, 1].
        networks: whole numbers.

    Returns:
        Whole numbers, at least 1 where there is a network.
    """
    return np.asarray(np.ceil(np.round(fraction * networks, 9)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Order:
    """Points from the best to the worst, and where groups of equal values start."""

    points: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, values: Floats) -> Order:
        """The order of values without NaN, largest first."""
        ranks = dense_ranks(values)  # infinite values tie with each other
        points = np.argsort(-ranks, kind="stable")
        return cls(points, np.flatnonzero(np.diff(ranks[points], prepend=-1) != 0))


@dataclass(frozen=True, slots=True)
class TopCut:
    """The k best by some values, in each of R resamples, each with its own k.

    Points that are not listed are in none of them.
    """

    points: NDArray[np.int64]
    """Candidates, best first, shape (m,)."""
    weights: AnyFloats
    """How often each stands in each resample, shape (m, R)."""
    chances: AnyFloats
    """How likely each copy of a point is among the k best if equal ones are ordered at random:
    1 above the cut, the same share for all that tie with the k-th, 0 below; shape (m, R)."""
    inside: NDArray[np.bool_]
    """Whether a point is as good as the k-th, shape (m, R)."""
    alone: NDArray[np.bool_]
    """Whether no other point has the same value, shape (m,)."""

    @classmethod
    def of(cls, order: Order, weights: NDArray[np.float32], k: Floats) -> TopCut:
        """The cut after the k best.

        Args:
            order: of the points, best first.
            weights: how often each point stands in each resample, shape (n, R).
            k: how many are wanted in each resample, shape (R,).

        Returns:
            The points that are inside in some resample, and some more.
        """
        n = order.points.size
        rows = min(n, math.ceil(k.max(initial=0)))
        while True:
            groups = int(np.searchsorted(order.starts, rows))
            end = int(order.starts[groups]) if groups < order.starts.size else n
            points = order.points[:end]
            own = weights[points]
            if end == n or (own.sum(axis=0) >= k).all():
                break
            rows = min(n, rows + max(16, rows // 4))
        if end == 0:
            nothing = np.zeros((0, k.size), dtype=np.float32)
            return cls(points, own, nothing, nothing.astype(np.bool_), np.zeros(0, np.bool_))
        starts = order.starts[:groups]
        together = np.add.reduceat(own, starts, axis=0)
        before = np.cumsum(together, axis=0) - together
        sizes = np.diff(starts, append=end)
        chances = np.clip((k - before) / np.maximum(together, 1), 0, 1)
        return cls(
            points=points,
            weights=own,
            chances=np.repeat(chances, sizes, axis=0),
            inside=np.repeat(before < k, sizes, axis=0),
            alone=np.repeat(sizes == 1, sizes),
        )


def overlap(first: TopCut, second: TopCut, k: Floats) -> Floats:
    """The expected share of one cut that is in the other.

    Equal points are ordered at random, and independently in the two orders. The copies of a point
    that equals no other one are not: the same copies of it come first in both.

    Args:
        first: the k best by one order.
        second: the k best by another.
        k: shape (R,), the same for both.

    Returns:
        Shape (R,), in [0, 1]; NaN where k is 0.
    """
    _, mine, theirs = np.intersect1d(
        first.points, second.points, assume_unique=True, return_indices=True
    )
    one, other = first.chances[mine], second.chances[theirs]
    alone = (first.alone[mine] & second.alone[theirs])[:, None]
    both = np.where(alone, np.minimum(one, other), one * other)
    shared = (first.weights[mine] * both).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(shared / k, dtype=np.float64)
