"""The top of a ranking: best of k, slices, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.results.statistics.bootstrap import PARTS_BEYOND, Estimate, percentile_interval
from untrained.results.statistics.population import MIN_NETWORKS, Floats, Integers, Rankings
from untrained.results.statistics.rank_correlation import (
    dense_ranks,
    kendall_tau_b,
    mid_ranks,
    spearman_rho,
)
from untrained.results.statistics.weighted_correlation import Floats as AnyFloats
from untrained.results.statistics.weighted_correlation import weighted_rank_correlations

FRACTIONS = (0.01, 0.05, 0.1)
"""The slices that papers report."""

MIN_SLICE = 20
"""Networks in a slice below which reports do not show it: of ten, the interval of tau is wider
than 1."""

PICKS = (1, 10)
"""How many of the best-scored architectures are trained: the arg-max, and ten."""


@dataclass(frozen=True, slots=True)
class TopSlice:
    """An indicator inside the best of the population, best by the truth.

    k = ceil(fraction * n) of the n ranked networks. tau and rho are those over the networks whose
    true value is at least the k-th largest: ties with the k-th are all in. `precision` and `ndcg`
    are expected values where ties at the cut, in the scores or in the truth, are broken at random.
    Intervals are percentile bootstrap intervals over the whole population, the slice taken anew
    in each resample; of more than `PARTS_BEYOND` ranked networks, over random parts of them
    (`counts_in_parts`). What does not exist is NaN.
    """

    fraction: float
    k: int
    n: int
    """Networks in the slice: k, and those tied with the k-th."""
    tau: float
    """tau-b over the slice."""
    tau_low: float
    tau_high: float
    rho: float
    """Spearman's rho over the slice."""
    rho_low: float
    rho_high: float
    precision: float
    """precision@k, the share of the k best by score that are among the k best by the truth: with
    k on both sides this is the overlap (and the recall). k / n is what chance gives."""
    precision_low: float
    precision_high: float
    ndcg: float
    """Normalised discounted cumulative gain of the k best by score. The gain of a network is
    2^g - 1, where g in [0, 1] is its mid-rank in the truth counted from the worst; the discount of
    the j-th place is log2(1 + j)."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The best of the k best-scored networks after training.

    Expected values where equal scores are ordered at random.
    """

    k: int
    """As wished for, or the number of ranked networks where that is smaller."""
    regret: float
    """The best true value of all ranked networks minus that of the pick, in the unit of the
    target; never negative."""
    rank: float
    """1 + the number of ranked networks that are truly better than the pick."""


@dataclass(frozen=True, slots=True)
class TopRanking:
    """One indicator at the top of the ranking."""

    n: int
    """Networks ranked."""
    tau_weighted: float
    """Kendall's tau with additive hyperbolic weights (Vigna, 2015): disagreement at the top
    counts most."""
    slices: tuple[TopSlice, ...]
    """By ascending fraction."""
    picks: tuple[Pick, ...]
    """By ascending k; the first is the arg-max."""

    def slice_of(self, fraction: float) -> TopSlice | None:
        """Find the slice of this fraction, if it was computed and is large enough to be shown."""
        return slice_of(self.slices, fraction)


def slice_of(slices: Sequence[TopSlice], fraction: float) -> TopSlice | None:
    """Find the slice of a fraction among those that reports show."""
    return next((one for one in shown(slices) if math.isclose(one.fraction, fraction)), None)


def shown(slices: Sequence[TopSlice]) -> tuple[TopSlice, ...]:
    """Select the slices that reports show: those of MIN_SLICE networks or more."""
    return tuple(one for one in slices if one.n >= MIN_SLICE)


def top_rankings(
    rankings: Rankings,
    *,
    fractions: Sequence[float] = FRACTIONS,
    picks: Sequence[int] = PICKS,
    best_by: str | None = None,
) -> dict[str, TopRanking]:
    """Compute statistics of the top of the ranking for every indicator of a population.

    Intervals come from the same resamples as those of the whole ranking and are percentile
    intervals, whatever was chosen there.

    Args:
        fractions: of the slices, in (0, 1].
        picks: how many of the best-scored networks are trained.
        best_by: what the networks inside a slice are the best by, one of the population's scores,
            which is then no indicator; None: the truth. Precision is about the truth either way.

    Raises:
        ValueError: a fraction or a number is out of range.
    """
    _check(fractions, picks)
    population = rankings.population
    members: dict[bytes, list[str]] = {}
    indicators = [name for name in population.scores if name != best_by]
    having = [] if best_by is None else [best_by]
    for name in indicators:
        members.setdefault(rankings.ranking(name, having=having).among, []).append(name)
    found = {}
    for among, names in members.items():
        mask = np.frombuffer(among, dtype=np.bool_)
        group = _Group(
            population.truth[mask],
            rankings.ranks(None)[mask],
            [rankings.ranks(name)[mask] for name in names],
            None if best_by is None else rankings.ranks(best_by)[mask],
        )
        replicates = group.replicates(rankings, mask, sorted(fractions))
        for i, name in enumerate(names):
            found[name] = TopRanking(
                n=group.truth.size,
                tau_weighted=rankings.weighted_tau(rankings.ranking(name, having=having)),
                slices=tuple(
                    group.slice(i, fraction, of_all[i], rankings.resampling.confidence)
                    for fraction, of_all in replicates.items()
                ),
                picks=tuple(best_of(group.scores[i], group.values, k) for k in sorted(picks))
                if group.truth.size
                else (),
            )
    return {name: found[name] for name in indicators}


class _Group:
    """Indicators that have scores of the same networks, as ranks."""

    def __init__(
        self, values: Floats, truth: Integers, scores: list[Integers], best_by: Integers | None
    ) -> None:
        """Sort; `values` are those that `truth` ranks, `best_by` is as in `top_rankings`."""
        self.values = values
        self.truth = truth
        self.scores = scores
        self._best_by = best_by
        self._truth_order = Order.of(truth)
        self._slice_order = self._truth_order if best_by is None else Order.of(best_by)
        self._orders = [Order.of(ranks) for ranks in scores]

    def _among(self, points: Integers) -> _Group:
        best_by = None if self._best_by is None else self._best_by[points]
        scores = [ranks[points] for ranks in self.scores]
        return _Group(self.values[points], self.truth[points], scores, best_by)

    def replicates(
        self, rankings: Rankings, mask: NDArray[np.bool_], fractions: Sequence[float]
    ) -> dict[float, Floats]:
        """Compute tau, rho and precision in every resample, shape (indicators, 3, R), by fraction.

        Those of many networks are differences to the statistic itself. None (R = 0) without
        resamples or networks.
        """
        none = np.empty((len(self.scores), 3, 0))
        chunks: dict[float, list[Floats]] = {fraction: [none] for fraction in fractions}
        if self.truth.size > PARTS_BEYOND:
            for points, counts in rankings.counts_in_parts(self.truth.size):
                part = self._among(points)
                # the first column is the part itself
                once = np.insert(counts, 0, 1, axis=1)
                scale = math.sqrt(points.size / self.truth.size)
                for fraction, parts in chunks.items():
                    found = part._chunk(once, fraction)
                    parts.append(scale * (found[..., 1:] - found[..., :1]))
        else:
            for counts in rankings.counts() if self.truth.size >= MIN_NETWORKS else ():
                own = counts if mask.all() else counts[mask]
                for fraction, parts in chunks.items():
                    parts.append(self._chunk(own, fraction))
        return {fraction: np.concatenate(parts, axis=2) for fraction, parts in chunks.items()}

    def _chunk(self, counts: NDArray[np.float32], fraction: float) -> Floats:
        k = wanted(fraction, counts.sum(axis=0, dtype=np.float64))
        best = TopCut.of(self._truth_order, counts, k)
        slice_ = best if self._best_by is None else TopCut.of(self._slice_order, counts, k)
        taus, rhos = weighted_rank_correlations(
            np.array(self.scores)[:, slice_.points],
            self.truth[slice_.points],
            np.asarray(slice_.weights * slice_.inside, dtype=np.float32),
        )
        precisions = [overlap(best, TopCut.of(order, counts, k), k) for order in self._orders]
        return np.stack([taus, rhos, np.array(precisions)], axis=1)

    def slice(self, i: int, fraction: float, replicates: Floats, confidence: float) -> TopSlice:
        x, y = self.scores[i], self.truth
        k = wanted(fraction, np.array([float(y.size)]))
        once = np.ones((y.size, 1), dtype=np.float32)
        best = TopCut.of(self._truth_order, once, k)
        slice_ = best if self._best_by is None else TopCut.of(self._slice_order, once, k)
        inside = slice_.points[slice_.inside[:, 0]]

        def with_ends(value: float, which: int) -> Estimate:
            low, high = percentile_interval(replicates[which], confidence=confidence)
            around = value if y.size > PARTS_BEYOND else 0
            # no share is negative, and no coefficient exceeds 1
            ends = np.clip([around + low, around + high], 0 if which == 2 else -1, 1)
            return Estimate(value, *map(float, ends))

        tau = rho = Estimate(math.nan)
        if inside.size >= MIN_NETWORKS:
            tau = with_ends(kendall_tau_b(x[inside], y[inside]), 0)
            rho = with_ends(spearman_rho(x[inside], y[inside]), 1)
        precision = float(overlap(best, TopCut.of(self._orders[i], once, k), k)[0])
        return TopSlice(
            fraction,
            int(k[0]),
            inside.size,
            *tau,
            *rho,
            *with_ends(precision, 2),
            expected_ndcg(self._orders[i], self._truth_order, y, int(k[0])),
        )


def _check(fractions: Sequence[float], picks: Sequence[int]) -> None:
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction is {fraction}; it must lie in (0, 1], as in 0.1 for 10 %")
    for k in picks:
        if k < 1:
            raise ValueError(f"picks has {k}; at least one network must be trained")


def best_of(scores: Floats | Integers, truth: Floats, k: int) -> Pick:
    """Compute the best by truth of the k best by score.

    Where equal scores straddle the k-th place, r of m are chosen at random, and the j-th smallest
    of their true values is the largest chosen with probability C(j-1, r-1) / C(m, r).

    Args:
        scores: n >= 1 values, larger is better, no NaN.
        truth: n values, larger is better, no NaN.
        k: how many are chosen, >= 1; n where it is larger.
    """
    n = truth.size
    k = min(k, n)
    cut = np.partition(scores, n - k)[n - k]
    sure, tied = truth[scores > cut], np.sort(truth[scores == cut])
    chances = _chances_of_largest(tied.size, k - sure.size)
    best = np.maximum(tied, sure.max(initial=-np.inf))
    better = n - np.searchsorted(np.sort(truth), best, side="right")
    drawn = chances > 0  # a true value that is never the pick may be infinite
    return Pick(
        k=k,
        regret=float(chances[drawn] @ (truth.max() - best[drawn])),
        rank=float(1 + chances @ better),
    )


def _chances_of_largest(m: int, r: int) -> Floats:
    """Compute the probability that the j-th smallest of m is the largest of r drawn."""
    at_most = np.ones(m + 1)
    # P(largest <= j-th) = C(j, r) / C(m, r), from the top down
    for j in range(m, 0, -1):
        at_most[j - 1] = at_most[j] * max(0, j - r) / j
    return np.diff(at_most)


def expected_ndcg(order: Order, best: Order, truth: Floats | Integers, k: int) -> float:
    """Compute the normalised discounted cumulative gain of the k best by score.

    Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002,
    with the gains of Burges et al., "Learning to rank using gradient descent", ICML 2005:

        sum_{j<=k} (2^(g_j) - 1) / log2(1 + j), over the same sum for the order of the truth,

    where g in [0, 1] is the mid-rank of a network's true value, 0 for the worst and 1 for the best:
    any monotone map of the truth leaves it as it is. Equal scores share the mean discount of their
    places (McSherry and Najork, "Computing information retrieval performance measures efficiently
    in the presence of tied scores", ECIR 2008).

    Args:
        order: of the scores.
        best: the order of the truth.
        truth: n values, larger is better, no NaN.

    Returns:
        A number in [0, 1]; NaN where n < 2 or the truth is constant.
    """
    n = truth.size
    ranks = mid_ranks(truth)
    if n < 2 or (ranks == ranks[0]).all():
        return math.nan
    gains = 2 ** (ranks / (n - 1)) - 1
    discounts = np.zeros(n)
    discounts[:k] = 1 / np.log2(np.arange(2, min(k, n) + 2))
    sizes = np.diff(order.starts, append=n)
    shared = np.repeat(np.add.reduceat(discounts, order.starts) / sizes, sizes)
    return float(gains[order.points] @ shared / (gains[best.points] @ discounts))


def wanted(fraction: float, networks: Floats) -> Floats:
    """Compute ceil(fraction * networks), exact for fractions such as 0.1 in binary.

    At least 1 where there is a network.
    """
    return np.asarray(np.ceil(np.round(fraction * networks, 9)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Order:
    """Points from the best to the worst, and where groups of equal values start."""

    points: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, values: Floats | Integers) -> Order:
        """Sort values without NaN, largest first."""
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
        """Cut after the k best.

        Args:
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
    """Compute the expected share of one cut that is in the other.

    Equal points are ordered at random, and independently in the two orders. The copies of a point
    that equals no other one are not: the same copies of it come first in both.

    Args:
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
