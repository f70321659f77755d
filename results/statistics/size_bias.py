"""Correlations with the network's size removed: partial correlations, bins of equal size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from untrained.results.statistics.concordance import concordances
from untrained.results.statistics.population import MIN_NETWORKS, Floats, Ranking, Rankings
from untrained.results.statistics.rank_correlation import dense_ranks, kendall_tau_b

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
    """Compute tau-b within bins of networks of about the same size.

    The networks are laid out by size and cut into `num_bins` equal parts; a group of networks of
    the same size goes as a whole into the part in which its middle lies.

    Args:
        sizes: n values, no NaN; their direction does not matter.
        scores: n values, larger is better, no NaN.
        truth: n values, larger is better, no NaN.
        num_bins: how many bins, at most: one without networks is not listed.

    Returns:
        The bins by ascending size, and their mean.

    Raises:
        ValueError: there are no bins.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins is {num_bins}; it must be at least 1")
    _, groups, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    labels = (middles * num_bins / max(1, sizes.size)).astype(np.int64)[groups]
    members = [labels == label for label in np.unique(labels)]
    bins = tuple(_bin(sizes[own], scores[own], truth[own]) for own in members)
    known = [one for one in bins if not math.isnan(one.tau)]
    n = sum(one.n for one in known)
    tau = sum(one.n * one.tau for one in known) / n if n else math.nan
    return SizeBins(size=size, bins=bins, tau=tau)


def _bin(sizes: Floats, scores: Floats, truth: Floats) -> SizeBin:
    return SizeBin(
        low=float(sizes.min()),
        high=float(sizes.max()),
        n=sizes.size,
        tau=kendall_tau_b(scores, truth) if sizes.size >= MIN_NETWORKS else math.nan,
    )


@dataclass(frozen=True, slots=True)
class EqualSizes:
    """tau-b over the pairs of networks of exactly the same size."""

    size: str
    """What is equal: `flops`."""
    n: int
    """Networks that share their size with another one."""
    pairs: int
    """Pairs of networks of the same size."""
    tau: float
    """NaN where one side is constant within every size."""


def equal_sizes(sizes: Floats, scores: Floats, truth: Floats, *, size: str) -> EqualSizes | None:
    """Compute tau-b over the pairs of networks of exactly the same size.

    With C concordant and D discordant of these pairs, and U and V of them untied in score and in
    truth, it is (C - D) / sqrt(U V). Arguments are those of `size_bins`.

    Returns:
        None where sizes hardly repeat: fewer than half of the networks share theirs.
    """
    _, groups, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    shared = int(counts[counts > 1].sum())
    if shared == 0 or 2 * shared < sizes.size:
        return None
    pairs = int((counts * (counts - 1)).sum()) // 2
    sides = [_within(groups, side) for side in (scores, truth)]
    # pairs of different sizes are concordant: on both sides they are ordered by size
    n = sizes.size
    concordance = int(concordances(*sides).sum()) // 2 - (n * (n - 1) // 2 - pairs)
    untied = [pairs - int((tied * (tied - 1)).sum()) // 2 for tied in map(np.bincount, sides)]
    scale = math.sqrt(untied[0]) * math.sqrt(untied[1])
    return EqualSizes(size, shared, pairs, concordance / scale if scale else math.nan)


def _within(groups: NDArray[np.int64], values: Floats) -> NDArray[np.int64]:
    """Rank by group, then by value."""
    ranks = dense_ranks(values)
    return dense_ranks(groups * (int(ranks.max(initial=0)) + 1) + ranks)


SIZES = ("params", "flops")

_NOTHING_LEFT = 1e-9
"""A variance of ranks, as a share of the whole, that is zero but for rounding."""


@dataclass(frozen=True, slots=True)
class PartialCorrelation:
    """Rank correlation of score and truth with the ranks of some sizes held fixed.

    Both are -P_xy / sqrt(P_xx P_yy), P the inverse of the matrix of correlations between score,
    truth and the sizes: of Spearman's rho (the same as Pearson's correlation of what a linear
    regression on the sizes' mid-ranks leaves of the mid-ranks of score and truth), and of tau-b
    (Kendall's partial tau). Ranks are those of a size or of its logarithm alike. NaN where the
    sizes determine the ranks of the score or of the truth, or where a size is constant.
    """

    given: tuple[str, ...]
    """The sizes: `params`, `flops` or both."""
    n: int
    """Networks that have the score and these sizes."""
    rho: float
    rho_low: float
    rho_high: float
    tau: float
    tau_low: float
    tau_high: float


def partial_given(
    partials: Sequence[PartialCorrelation], sizes: tuple[str, ...]
) -> PartialCorrelation | None:
    """Find the partial correlation given exactly these sizes, if there is one."""
    return next((one for one in partials if one.given == sizes), None)


@dataclass(frozen=True, slots=True)
class SizeBias:
    """Correlations of an indicator with the truth beyond the size of the network."""

    rho_with: tuple[tuple[str, float], ...]
    """Spearman's rho of the score with each other size: `(("params", 0.87), ("flops", 0.85))`."""
    partial: tuple[PartialCorrelation, ...]
    """Given each size, then given all; a size is not held fixed for itself."""
    bins: SizeBins | None
    """By the last of the sizes; None for that size itself."""
    equal: EqualSizes | None = None
    """The same at exactly equal size; None where sizes hardly repeat."""


def size_biases(rankings: Rankings, *, sizes: Sequence[str] = SIZES) -> dict[str, SizeBias]:
    """Compute the size bias of every indicator of a population.

    Args:
        sizes: the indicators that are sizes, as far as the population has them; bins are by the
            last one.

    Returns:
        By indicator; empty where the population has no size, and without an only size itself.
    """
    names = rankings.population.scores
    present = [size for size in sizes if size in names]
    given = {
        name: _sets([size for size in present if size != name])
        for name in names
        if any(size != name for size in present)
    }
    rankings.resample(
        ranking
        for name, sets in given.items()
        for fixed in sets
        for ranking in _matrix(rankings, name, fixed).values()
    )
    return {
        name: SizeBias(
            rho_with=tuple(
                (size, rankings.point(rankings.ranking(name, size))[1])
                for size in present
                if size != name
            ),
            partial=tuple(_partial(rankings, name, fixed) for fixed in sets),
            bins=_by_size(size_bins, rankings, name, present[-1]),
            equal=_by_size(equal_sizes, rankings, name, present[-1]),
        )
        for name, sets in given.items()
    }


def partial_correlation(matrices: Floats) -> Floats:
    """Compute the correlation of the first two variables with all others held fixed.

    With the variables cut into the first two and the rest, the matrix is [[A, B], [B', C]], and
    A - B C^+ B' is what the rest leaves of the first two. The pseudo-inverse C^+ lets sizes whose
    ranks are the same count as one.

    Args:
        matrices: correlations, shape (..., m, m).

    Returns:
        Shape (...); NaN where a correlation is NaN, or nothing is left of either variable.
    """
    result = np.full(matrices.shape[:-2], math.nan)
    defined = ~np.isnan(matrices).any(axis=(-2, -1))
    known = matrices[defined]
    if known.size == 0:
        return result
    across, rest = known[..., :2, 2:], known[..., 2:, 2:]
    inverse = np.linalg.pinv(rest, rcond=_NOTHING_LEFT, hermitian=True)
    left = known[..., :2, :2] - across @ inverse @ np.swapaxes(across, -1, -2)
    variances = left[..., 0, 0], left[..., 1, 1]
    enough = np.minimum(*variances) > _NOTHING_LEFT
    scale = np.sqrt(np.where(enough, variances[0] * variances[1], math.nan))
    result[defined] = np.clip(left[..., 0, 1] / scale, -1.0, 1.0)
    return result


def _sets(sizes: list[str]) -> list[tuple[str, ...]]:
    alone: list[tuple[str, ...]] = [(size,) for size in sizes]
    return [*alone, tuple(sizes)] if len(sizes) > 1 else alone


def _matrix(
    rankings: Rankings, name: str, given: tuple[str, ...]
) -> dict[tuple[int, int], Ranking]:
    """Name the correlations between score (0), truth (1) and sizes (2, ...)."""
    # the truth stands on the right, as a ranking has it; a size is left of it, right of the score
    others = [(i + 2, size) for i, size in enumerate(given)]
    found = {(0, 1): rankings.ranking(name, having=given)}
    for i, size in others:
        found[0, i] = rankings.ranking(name, size, having=given)
        found[1, i] = rankings.ranking(size, having=(name, *given))
    for (i, one), (j, other) in combinations(others, 2):
        found[i, j] = rankings.ranking(one, other, having=(name, *given))
    return found


def _partial(rankings: Rankings, name: str, given: tuple[str, ...]) -> PartialCorrelation:
    matrix = _matrix(rankings, name, given)

    def coefficient(which: int, of: Callable[[Ranking], Floats]) -> Floats:
        entries = {place: of(ranking)[which] for place, ranking in matrix.items()}
        size = len(given) + 2
        matrices = np.ones((entries[0, 1].size, size, size))
        for (i, j), values in entries.items():
            matrices[..., i, j] = matrices[..., j, i] = values
        return partial_correlation(matrices)

    def point(ranking: Ranking) -> Floats:
        return np.reshape(rankings.point(ranking), (2, 1))

    numbers = []
    for which in (1, 0):
        estimate = float(coefficient(which, point)[0])
        low, high = rankings.interval(
            estimate,
            coefficient(which, rankings.replicates),
            lambda which=which: coefficient(which, rankings.jackknife),  # type: ignore[misc]
        )
        numbers += [estimate, low, high]
    return PartialCorrelation(given, matrix[0, 1].n, *numbers)


_Found = TypeVar("_Found")


def _by_size(
    compute: Callable[..., _Found], rankings: Rankings, name: str, size: str
) -> _Found | None:
    if name == size:
        return None
    population, mask = rankings.population, rankings.population.having(name, size)
    return compute(
        population.scores[size][mask],
        population.scores[name][mask],
        population.truth[mask],
        size=size,
    )
