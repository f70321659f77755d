"""Rank correlations of weighted points, exact under ties, for many weightings at once.

A worked example, in the notation of `weighted_rank_correlations`. Four networks have the scores
1, 2, 2, 4 and the true values 20, 10, 30, 40. A resample drew the first twice and the third never,
so that its weights w are 2, 1, 0, 1 and W = 4.

- Score and truth order networks 1 and 2 differently, which weighs 2 * 1; they order 1 and 4 alike,
  which weighs 2 * 1, and 2 and 4, which weighs 1 * 1. The sum of w_i w_j s_ij is -2 + 2 + 1 = 1.
- The groups of equal values weigh 2, 1 and 1 on both sides, so that W^2 - sum_g W_g^2 is
  16 - 6 = 10, and tau-b = 2 * 1 / sqrt(10 * 10) = 0.2.
- u is -2, 1 and 3 for the networks drawn, v is 0, -3 and 3, W^3 - sum_g W_g^3 is 64 - 10 = 54, and
  rho = 3 (2 * -2 * 0 + 1 * 1 * -3 + 1 * 3 * 3) / sqrt(54 * 54) = 18 / 54.

The second column below is that resample; the first one, of equal weights, is the population:

>>> weights = np.array([[1, 2], [1, 1], [1, 0], [1, 1]], dtype=np.float32)
>>> tau, rho = weighted_rank_correlations([1, 2, 2, 4], [20, 10, 30, 40], weights)
>>> tau.round(3), rho.round(3)
(array([[0.548, 0.2  ]]), array([[0.632, 0.333]]))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from untrained.results.statistics.rank_correlation import dense_ranks

Floats = NDArray[np.floating[Any]]

MIN_BLOCK = 64
"""Smaller blocks cost more calls than they save multiplications."""


@dataclass(frozen=True, slots=True)
class TieBlocks:
    """A partition of n ranked points into blocks of about sqrt(n) points.

    Points of different blocks differ in rank, and in the same direction as their blocks. A group
    of equal ranks that is larger than a block is a block of its own: with blocks of two, points of
    the ranks 2, 0, 1, 1, 1, 3 fall into the blocks (1), (2, 3, 4) and (0, 5), counted from 0.
    """

    order: NDArray[np.int64]
    """The points in ascending order of rank, shape (n,)."""
    starts: NDArray[np.int64]
    """Where in `order` each block starts, and n, shape (count + 1,)."""
    membership: NDArray[np.int64]
    """The block of each point, shape (n,)."""
    group_starts: NDArray[np.int64]
    """Where in `order` each group of equal ranks starts, and n."""

    @classmethod
    def of(cls, ranks: NDArray[np.int64]) -> TieBlocks:
        """Partition n >= 1 points with dense ranks 0, 1, 2, ..."""
        n = ranks.size
        size = max(MIN_BLOCK, math.isqrt(n))
        group_starts = np.concatenate([[0], np.cumsum(np.bincount(ranks))])
        starts = [0]
        while starts[-1] < n:
            # the last group boundary within reach, or the end of a group larger than a block
            reach = np.searchsorted(group_starts, starts[-1] + size, side="right") - 1
            if group_starts[reach] == starts[-1]:
                reach += 1
            starts.append(int(group_starts[reach]))
        order = np.argsort(ranks, kind="stable")
        membership = np.empty(n, dtype=np.int64)
        membership[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return cls(order, np.array(starts), membership, group_starts)

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return self.starts.size - 1

    def points(self, block: int) -> NDArray[np.int64]:
        """List the points of a block in ascending order of rank."""
        return self.order[self.starts[block] : self.starts[block + 1]]

    def is_one_group(self, block: int) -> bool:
        """Tell whether all points of a block have the same rank, so that no pair is ordered."""
        return self._groups(block).size == 1

    def group_sums(self, block: int, rows: Floats) -> Floats:
        """Sum over each group of equal ranks.

        Args:
            rows: one row for each of `points(block)`, shape (b, r).

        Returns:
            One row a group, shape (g, r); the rows themselves where no ranks are equal.
        """
        groups = self._groups(block)
        return rows if groups.size == len(rows) else np.add.reduceat(rows, groups, axis=0)

    def spread(self, block: int, rows: Floats) -> Floats:
        """Repeat one row a group for each of its points: the inverse of `group_sums`."""
        size = int(self.starts[block + 1] - self.starts[block])
        groups = self._groups(block)
        if groups.size == size:
            return rows
        return np.repeat(rows, np.diff(groups, append=size), axis=0)

    def _groups(self, block: int) -> NDArray[np.int64]:
        """Find where each group of a block starts, counted from the start of the block."""
        first, last = np.searchsorted(self.group_starts, self.starts[block : block + 2])
        groups: NDArray[np.int64] = self.group_starts[first:last] - self.starts[block]
        return groups


def weighted_rank_correlations(
    scores: ArrayLike, truth: ArrayLike, counts: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute tau-b and Spearman's rho of k scores with one truth, in each of R resamples.

    Equal to the coefficients of the arrays in which point i stands counts[i, r] times. With
    s_ij = sign(x_i - x_j) sign(y_i - y_j), W = sum_i w_i and W_g the weight of a group of ties:

        tau-b = 2 sum_{i<j} w_i w_j s_ij / sqrt((W^2 - sum_g W_g^2 in x) (W^2 - sum_g W_g^2 in y))
        rho   = 3 sum_i w_i u_i v_i / sqrt((W^3 - sum_g W_g^3 in x) (W^3 - sum_g W_g^3 in y))

    where u_i = sum_j w_j sign(x_i - x_j), twice the centred mid-rank, and v_i the same for y.
    The pairs are counted by blocks of about sqrt(n) neighbours in x and in y, so a resample costs
    O(n sqrt(n)) multiplications, all of them in matrix products.

    Args:
        scores: shape (k, n), no NaN; infinite values are legal.
        truth: shape (n,), no NaN.
        counts: shape (n, R), whole numbers >= 0.

    Returns:
        tau and rho, each of shape (k, R); NaN where a resample is constant on one side.

    Raises:
        ValueError: a value is NaN, or the shapes do not fit.
    """
    x = np.atleast_2d(np.asarray(scores))
    y = dense_ranks(truth)
    if x.shape[1] != y.size or counts.shape[0] != y.size:
        raise ValueError(
            f"scores of shape {x.shape}, {y.size} true values and counts of shape "
            f"{counts.shape} do not fit together"
        )
    shape = (x.shape[0], counts.shape[1])
    if y.size == 0:
        return np.full(shape, math.nan), np.full(shape, math.nan)
    # In the order of the truth every block of y is a slice, for all k scores.
    order = np.argsort(y, kind="stable")
    side = _truth_side(y[order], np.ascontiguousarray(counts[order]))
    pairs = [_correlations(dense_ranks(row[order]), side) for row in x]
    return np.array([tau for tau, _ in pairs]), np.array([rho for _, rho in pairs])


@dataclass(frozen=True, slots=True)
class _TruthSide:
    """What all scores share: the points in ascending order of the truth."""

    ranks: NDArray[np.int64]
    weights: Floats
    """w, shape (n, R)."""
    total: NDArray[np.float64]
    """W, shape (R,)."""
    blocks: TieBlocks
    centred: Floats
    """v = sum_j w_j sign(y_i - y_j), shape (n, R)."""
    ties: _Ties


class _Ties:
    """Running sums of W_g^2 and W_g^3 over groups of ties, each of shape (R,)."""

    def __init__(self, total: NDArray[np.float64]) -> None:
        self.squares = np.zeros_like(total)
        self.cubes = np.zeros_like(total)

    def add(self, groups: Floats, heaviest: float) -> None:
        """Add the groups of one block, none of whose weights exceeds `heaviest` in sum."""
        self.squares += _sum_of_products(groups, groups, bound=heaviest**2)
        self.cubes += _sum_of_products(groups, groups, groups, bound=heaviest**3)


def _truth_side(ranks: NDArray[np.int64], counts: NDArray[np.float32]) -> _TruthSide:
    total = counts.sum(axis=0, dtype=np.float64)
    # sums of weights are whole numbers of at most 2 W: float32 holds them exactly below 2^24
    exact = np.float32 if total.max(initial=0) < 2**23 else np.float64
    weights: Floats = counts.astype(exact, copy=False)
    blocks, ties = TieBlocks.of(ranks), _Ties(total)
    centred: Floats = np.empty_like(weights)
    below = -total.astype(weights.dtype)
    for block in range(blocks.count):
        points = blocks.points(block)
        groups = blocks.group_sums(block, weights[points])
        inside = groups.sum(axis=0)
        centred[points] = blocks.spread(block, _centred(groups, below))
        below += 2 * inside
        ties.add(groups, inside.max(initial=0))
    return _TruthSide(ranks, weights, total, blocks, centred, ties)


def _correlations(
    x: NDArray[np.int64], side: _TruthSide
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, total, dtype = side.ranks, side.total, side.weights.dtype
    heaviest_total = float(total.max(initial=0))
    x_blocks, ties = TieBlocks.of(x), _Ties(total)
    x_block, y_block = x_blocks.membership, side.blocks.membership
    # earlier[b]: weight of the points of y-block b that lie in earlier x-blocks
    earlier = np.zeros((side.blocks.count, total.size), dtype=dtype)
    below = -total.astype(dtype)
    concordance, product = np.zeros_like(total), np.zeros_like(total)

    for block in range(x_blocks.count):
        points = x_blocks.points(block)
        w = side.weights[points]
        groups = x_blocks.group_sums(block, w)
        inside = groups.sum(axis=0)
        heaviest = float(inside.max(initial=0))
        ties.add(groups, heaviest)
        u = x_blocks.spread(block, _centred(groups, below))
        below += 2 * inside
        product += _sum_of_products(w, u, side.centred[points], bound=heaviest * heaviest_total**2)
        # what each point gains from smaller x: in earlier x-blocks and other y-blocks, ...
        gain = _product(_signs(y_block[points], np.arange(side.blocks.count), dtype), earlier)
        if not x_blocks.is_one_group(block):
            # ... and inside its x-block
            signs = _signs(y[points], y[points], dtype)
            gain += _product(signs * (x[points][:, None] > x[points]), w)
        concordance += _sum_of_products(w, gain, bound=heaviest * heaviest_total)
        for b, row in zip(y_block[points].tolist(), w, strict=True):
            earlier[b] += row

    # what is left: pairs inside a y-block and in different x-blocks
    for block in range(side.blocks.count):
        if side.blocks.is_one_group(block):
            continue
        points = side.blocks.points(block)
        w = side.weights[points]
        signs = _signs(x_block[points], x_block[points], dtype)
        gain = _product(signs * (y[points][:, None] > y[points]), w)
        concordance += _sum_of_products(
            w, gain, bound=float(w.sum(axis=0).max(initial=0)) * heaviest_total
        )

    with np.errstate(invalid="ignore", divide="ignore"):
        square, cube = total * total, total * total * total
        tau = 2 * concordance / np.sqrt((square - ties.squares) * (square - side.ties.squares))
        rho = 3 * product / np.sqrt((cube - ties.cubes) * (cube - side.ties.cubes))
    # where one side is constant, tau is 0 / 0; the cubes, rounded above 2^53, may hide it from rho
    rho[np.isnan(tau)] = math.nan
    # rounding in the square root may step over 1 by one unit in the last place
    return np.clip(tau, -1.0, 1.0), np.clip(rho, -1.0, 1.0)


def _sum_of_products(*factors: Floats, bound: float) -> NDArray[np.float64]:
    """Sum over rows a product of whole numbers whose absolute values sum to <= `bound`.

    float32 is exact below 2^24 and several times faster; float64 is exact below 2^53.
    """
    dtype = factors[0].dtype if bound < 2**24 else np.dtype(np.float64)
    terms = ",".join("ir" for _ in factors)
    sums = np.einsum(f"{terms}->r", *factors, dtype=dtype)
    return np.asarray(sums, dtype=np.float64)


def _product(signs: Floats, weights: Floats) -> Floats:
    """Multiply matrices in slices that OpenBLAS computes in the calling thread.

    It hands m n k / 2^18 threads a product of shapes (m, k) and (k, n). Split that finely, threads
    gain little on an idle machine, and on a busy one they wait for each other: a product of a
    fraction of a millisecond has taken twenty.
    """
    width = 2**19 // signs.size - 1
    if width < 16:
        return signs @ weights
    result = np.empty((len(signs), weights.shape[1]), dtype=weights.dtype)
    for start in range(0, weights.shape[1], width):
        columns = slice(start, start + width)
        np.matmul(signs, weights[:, columns], out=result[:, columns])
    return result


def _signs(a: NDArray[np.int64], b: NDArray[np.int64], dtype: np.dtype[Any]) -> Floats:
    """Compute sign(a_i - b_j), shape (len(a), len(b))."""
    signs: Floats = np.sign(a[:, None] - b).astype(dtype)
    return signs


def _centred(groups: Floats, below: Floats) -> Floats:
    """Compute the weight below each group minus the weight above it.

    Args:
        groups: weights of groups in ascending order, shape (g, R).
        below: the same difference at the lower edge of the first group, shape (R,).

    Returns:
        Shape (g, R).
    """
    centred = np.empty_like(groups)
    edge = below.copy()
    # row by row: numpy's cumsum along the first axis takes several times as long
    for group, row in zip(groups, centred, strict=True):
        np.add(edge, group, out=row)
        np.add(row, group, out=edge)
    return centred
