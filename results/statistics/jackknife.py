"""Rank correlations with each point left out once.

A worked example: four networks have the scores 1, 2, 2, 4 and the true values 20, 10, 30, 40. Of
the six pairs, score and truth order four alike and one, (1, 2), differently; (2, 3) ties. The
concordance is 4 - 1 = 3, and the share c_k of the pairs with network k is 1, 0, 2 and 3. What is
left without each network is 3 - c_k = 2, 3, 1, 0, over the root of the untied pairs of the other
three: 2 and 3 of them without network 1 or 4, 3 and 3 without network 2 or 3.

>>> tau, rho = leave_out_rank_correlations([1, 2, 2, 4], [20, 10, 30, 40])
>>> tau.round(3)  # 2 / sqrt(2 * 3), 3 / 3, 1 / 3, 0 / sqrt(2 * 3)
array([0.816, 1.   , 0.333, 0.   ])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from untrained.results.statistics.rank_correlation import dense_ranks

Integers = NDArray[np.int64]


def leave_out_rank_correlations(
    x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute tau-b and Spearman's rho without each point in turn, exactly.

    With s_ij = sign(x_i - x_j), t_ij = sign(y_i - y_j), u_i = sum_j s_ij and v_i = sum_j t_ij,
    every coefficient is made of sums over points and pairs. Leaving out point k takes from them

        concordance sum_{i<j} s_ij t_ij:   c_k = sum_i s_ik t_ik
        product sum_i u_i v_i:             u_k v_k + sum_i u_i t_ik + sum_i v_i s_ik - c_k

    and all c_k are counted at once by merging, so all n coefficients take O(n log(n)^2). All sums
    are whole numbers below 2^63.

    Args:
        x: n values, no NaN.
        y: n values, no NaN.

    Returns:
        tau and rho, one a point; NaN where what is left is constant on one side.

    Raises:
        ValueError: a value is NaN, or the lengths differ.
    """
    a, b = dense_ranks(x), dense_ranks(y)
    if a.size != b.size:
        raise ValueError(f"{a.size} values cannot be paired with {b.size}")
    if a.size == 0:
        return np.empty(0), np.empty(0)
    sides = _Side(a), _Side(b)
    c = _concordance(a, b, sides)
    u, v = sides[0].centred, sides[1].centred
    lost = u * v + _signed_sums(b, u) + _signed_sums(a, v) - c

    concordance = c.sum() // 2 - c
    product = (u * v).sum() - lost
    untied = [side.untied_without() for side in sides]
    cubes = [side.cubes_without() for side in sides]
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = concordance / (np.sqrt(untied[0]) * np.sqrt(untied[1]))
        rho = 3 * product / (np.sqrt(cubes[0]) * np.sqrt(cubes[1]))
    return np.clip(tau, -1.0, 1.0), np.clip(rho, -1.0, 1.0)


class _Side:
    """One ranking: sizes of its groups of ties, and where each point stands among the others."""

    def __init__(self, ranks: Integers) -> None:
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


def _concordance(x: Integers, y: Integers, sides: tuple[_Side, _Side]) -> Integers:
    """Compute c_k = sum_i sign(x_i - x_k) sign(y_i - y_k)."""
    both_below = _dominated(x, y)
    # of the points below in one ranking, those tied in the other
    only_x = sides[0].below - both_below - _below_within_ties(x, y)
    only_y = sides[1].below - both_below - _below_within_ties(y, x)
    above_y_tied_x = _below_within_ties(-y, x)
    both_above = sides[1].above - only_x - above_y_tied_x
    return np.asarray(both_below + both_above - only_x - only_y)


def _dominated(x: Integers, y: Integers) -> Integers:
    """Count for each point how many are smaller in x and in y.

    In ascending order of x (descending y where x ties, so that those never count), this is the
    number of earlier points with a smaller y, added up over the levels of a merge sort.
    """
    n = x.size
    order = np.lexsort((-y, x))
    position, value = np.arange(n), y[order].astype(np.int64)
    counts = np.zeros(n, dtype=np.int64)
    for bit in range(max(0, n - 1).bit_length()):
        pair, is_left = position >> (bit + 1), 1 - ((position >> bit) & 1)
        # within a pair of blocks by value; equal values: right before left, so left does not count
        merged = np.argsort((pair * (n + 1) + value) * 2 + is_left)
        left_before = np.cumsum(is_left[merged]) - (pair[merged] << bit)
        right = is_left[merged] == 0
        counts[merged[right]] += left_before[right]
    result = np.empty(n, dtype=np.int64)
    result[order] = counts
    return result


def _below_within_ties(x: Integers, y: Integers) -> Integers:
    """Count for each point how many have a smaller x and the same y."""
    order = np.lexsort((x, y))
    place = np.arange(x.size)
    new_group = np.diff(y[order], prepend=y[order][:1] - 1) != 0
    new_value = new_group | (np.diff(x[order], prepend=x[order][:1] - 1) != 0)
    first_of_group = np.maximum.accumulate(np.where(new_group, place, 0))
    first_of_value = np.maximum.accumulate(np.where(new_value, place, 0))
    result = np.empty(x.size, dtype=np.int64)
    result[order] = first_of_value - first_of_group
    return result


def _signed_sums(ranks: Integers, values: Integers) -> Integers:
    """Compute sum_i values_i sign(ranks_i - ranks_k) for each k."""
    groups = np.zeros(int(ranks.max()) + 1, dtype=np.int64)
    np.add.at(groups, ranks, values)
    upto = np.cumsum(groups)
    return np.asarray((upto[-1] - upto - (upto - groups))[ranks], dtype=np.int64)
