"""Points in rank order, cut into blocks of neighbours that no group of ties straddles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

MIN_BLOCK = 64
"""Smaller blocks cost more calls than they save multiplications."""


@dataclass(frozen=True, slots=True)
class TieBlocks:
    """A partition of n ranked points into blocks of about sqrt(n) points.

    Points of different blocks differ in rank, and in the same direction as their blocks. A group
    of equal ranks that is larger than a block is a block of its own.
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
        """The partition of n >= 1 points with dense ranks 0, 1, 2, ..."""
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
        """The points of a block in ascending order of rank."""
        return self.order[self.starts[block] : self.starts[block + 1]]

    def is_one_group(self, block: int) -> bool:
        """Whether all points of a block have the same rank, so that no pair of them is ordered."""
        return self._groups(block).size == 1

    def group_sums(self, block: int, rows: Floats) -> Floats:
        """Sums over each group of equal ranks.

        Args:
            block: number of the block.
            rows: one row for each of `points(block)`, shape (b, r).

        Returns:
            One row a group, shape (g, r); the rows themselves where no ranks are equal.
        """
        groups = self._groups(block)
        return rows if groups.size == len(rows) else np.add.reduceat(rows, groups, axis=0)

    def spread(self, block: int, rows: Floats) -> Floats:
        """The inverse way: one row a group, repeated for each of its points."""
        size = int(self.starts[block + 1] - self.starts[block])
        groups = self._groups(block)
        if groups.size == size:
            return rows
        return np.repeat(rows, np.diff(groups, append=size), axis=0)

    def _groups(self, block: int) -> NDArray[np.int64]:
        """Where each group of a block starts, counted from the start of the block."""
        first, last = np.searchsorted(self.group_starts, self.starts[block : block + 2])
        groups: NDArray[np.int64] = self.group_starts[first:last] - self.starts[block]
        return groups
