"""How many pairs each point of two rankings is part of, concordant and not, counted at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class Side:
    """One ranking: sizes of its groups of ties, and where each point stands among the others."""

    def __init__(self, ranks: Integers) -> None:
        """Count the points below and above each, from dense ranks."""
        self.ranks = ranks
        self.groups: Integers = np.bincount(ranks).astype(np.int64)
        """Points in each group of ties."""
        ends = np.cumsum(self.groups)
        self.below = (ends - self.groups)[ranks]
        self.above = (ranks.size - ends)[ranks]
        self.centred: Integers = self.below - self.above

    def untied_without(self) -> Integers:
        """Count untied pairs without each point."""
        untied = self.below + self.above
        return np.asarray(untied.sum() // 2 - untied)

    def cubes_without(self) -> Integers:
        """Compute (number of points)^3 minus the groups' cubes, without each point."""
        total = (self.ranks.size - 1) ** 3 - (self.groups**3).sum()
        own = self.groups[self.ranks]
        return np.asarray(total + own**3 - (own - 1) ** 3, dtype=np.int64)


def concordances(x: Integers, y: Integers) -> Integers:
    """Compute c_k = sum_i sign(x_i - x_k) sign(y_i - y_k) of dense ranks, in O(n log n)."""
    sides = Side(x), Side(y)
    both_below = _dominated(x, y)
    below_x, _ = _within_ties(x, sides[1])
    below_y, same = _within_ties(y, sides[0])
    # of the points below in one ranking, those tied in the other
    only_x = sides[0].below - both_below - below_x
    only_y = sides[1].below - both_below - below_y
    above_y_tied_x = sides[0].groups[x] - same - below_y
    both_above = sides[1].above - only_x - above_y_tied_x
    return np.asarray(both_below + both_above - only_x - only_y)


_LEAF = 6
"""Bits of a position within a block whose pairs are compared one by one, which takes less time."""


def _dominated(x: Integers, y: Integers) -> Integers:
    """Count for each point how many are smaller in x and in y.

    In ascending order of x (descending y where x ties, so that those never count), this is the
    number of earlier points with a smaller y, added up over the levels of a merge sort. The levels
    are gone through from the last one, which sorts once; each before it parts the blocks in two.
    """
    n = x.size
    order = np.argsort((x + 1) * (int(y.max(initial=0)) + 1) - y)
    # 32 bits: half the memory to move about
    place, counts, values = np.arange(n, dtype=np.int32), np.zeros(n, dtype=np.int32), y[order]
    # positions by value; equal values: right before left, so left does not count
    positions = (n - 1 - np.argsort(values[::-1], kind="stable")).astype(np.int32)
    for bit in reversed(range(_LEAF, max(0, n - 1).bit_length())):
        first = positions >> (bit + 1) << (bit + 1)
        is_left = (positions & (1 << bit)) == 0
        # each block before this one has half of its points on the left
        left_before = np.cumsum(is_left, dtype=np.int32) - (first >> 1)
        right = np.flatnonzero(~is_left)
        counts[positions[right]] += left_before[right]
        parted = np.where(is_left, first + left_before - 1, place + (1 << bit) - left_before)
        positions[parted] = positions.copy()
    counts += _earlier_and_smaller(values.astype(np.int32), 1 << _LEAF)
    result = np.empty(n, dtype=np.int64)
    result[order] = counts
    return result


def _earlier_and_smaller(values: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Count for each value the smaller ones before it in its block."""
    n = values.size
    blocks = np.full((-(-n // size), size), n, dtype=np.int32)  # dense ranks are below n
    blocks.ravel()[:n] = values
    columns = np.ascontiguousarray(blocks.T)
    counts = np.zeros_like(columns)
    for column in range(1, size):
        np.sum(columns[:column] < columns[column], axis=0, dtype=np.int32, out=counts[column])
    return np.ascontiguousarray(counts.T).ravel()[:n]


def _within_ties(x: Integers, side: Side) -> tuple[Integers, Integers]:
    """Count for each point, of those that tie with it on a side, smaller x and equal x."""
    n, y = x.size, side.ranks
    if side.groups.size == n:
        return np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)
    pairs, place = y * (int(x.max(initial=0)) + 1) + x, np.arange(n)
    order = np.argsort(pairs)
    new_value = np.diff(pairs[order], prepend=-1) != 0
    first = np.maximum.accumulate(np.where(new_value, place, 0))
    sizes = np.diff(np.append(place[new_value], n))
    below, same = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    below[order] = first - side.below[order]
    same[order] = np.repeat(sizes, sizes)
    return below, same
