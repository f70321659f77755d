"""Rank correlation among networks of about the same size: what constrained search meets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.results.population import Floats
from untrained.results.ranking import kendall_tau_b
from untrained.results.rankings import MIN_NETWORKS

NUM_BINS = 10


@dataclass(frozen=True, slots=True)
class SizeBin:
    """tau-b among networks of about the same size."""

    low: float
    """Smallest size in the bin."""
    high: float
    """Largest size in the bin."""
    n: int
    tau: float
    """NaN with fewer than three networks, or where one side is constant."""


@dataclass(frozen=True, slots=True)
class SizeBins:
    """tau-b within bins of equal size, about equally many networks in each.

    Networks of the same size are never parted, so bins differ in number where sizes tie.
    """

    size: str
    """What is binned: `flops`."""
    bins: tuple[SizeBin, ...]
    """By ascending size."""
    tau: float
    """Mean of the bins' tau weighted by their networks, over the bins that have one."""


def size_bins(
    sizes: Floats, scores: Floats, truth: Floats, *, size: str, num_bins: int = NUM_BINS
) -> SizeBins:
    """tau-b within bins of networks of about the same size.

    The networks are laid out by size and cut into `num_bins` equal parts; a group of networks of
    the same size goes as a whole into the part in which its middle lies.

    Args:
        sizes: n values, no NaN; their direction does not matter.
        scores: n values, larger is better, no NaN.
        truth: n values, larger is better, no NaN.
        size: what the sizes are called.
        num_bins: how many bins, at most: one without networks is not listed.

    Returns:
        The bins by ascending size, and their mean.

    Raises:
        ValueError: there are no bins.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins is {num_bins}; it must be at least 1")
    labels = _bin_labels(sizes, num_bins)
    bins = tuple(_bin(sizes[own], scores[own], truth[own]) for own in _members(labels))
    known = [one for one in bins if not math.isnan(one.tau)]
    n = sum(one.n for one in known)
    tau = sum(one.n * one.tau for one in known) / n if n else math.nan
    return SizeBins(size=size, bins=bins, tau=tau)


def _bin_labels(sizes: Floats, num_bins: int) -> NDArray[np.int64]:
    _, groups, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    return np.asarray((middles * num_bins / max(1, sizes.size)).astype(np.int64)[groups])


def _members(labels: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    return [labels == label for label in np.unique(labels)]


def _bin(sizes: Floats, scores: Floats, truth: Floats) -> SizeBin:
    return SizeBin(
        low=float(sizes.min()),
        high=float(sizes.max()),
        n=sizes.size,
        tau=kendall_tau_b(scores, truth) if sizes.size >= MIN_NETWORKS else math.nan,
    )
