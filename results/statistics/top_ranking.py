"""Indicators at the top of the ranking, computed for a whole population."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from untrained.results.statistics.bootstrap import percentile_interval
from untrained.results.statistics.population import Floats
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho, weighted_tau
from untrained.results.statistics.resampled_correlations import MIN_NETWORKS, Rankings
from untrained.results.statistics.top import (
    FRACTIONS,
    PICKS,
    Order,
    TopCut,
    TopRanking,
    TopSlice,
    best_of,
    expected_ndcg,
    overlap,
    wanted,
)
from untrained.results.statistics.weighted_correlation import weighted_rank_correlations

Replicates = tuple[Floats, Floats, Floats]
"""tau, rho and precision in every resample."""


def top_rankings(
    rankings: Rankings,
    *,
    fractions: Sequence[float] = FRACTIONS,
    picks: Sequence[int] = PICKS,
    best_by: str | None = None,
) -> dict[str, TopRanking]:
    """Every indicator of a population at the top of the ranking.

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
            [population.scores[name][mask] for name in names],
            None if best_by is None else population.scores[best_by][mask],
        )
        replicates = group.replicates(rankings, mask, sorted(fractions))
        for i, name in enumerate(names):
            found[name] = TopRanking(
                n=group.truth.size,
                tau_weighted=group.weighted(i),
                slices=tuple(
                    group.slice(i, fraction, parts, rankings.resampling.confidence)
                    for fraction, parts in replicates.items()
                ),
                picks=tuple(best_of(group.scores[i], group.truth, k) for k in sorted(picks))
                if group.truth.size
                else (),
            )
    return {name: found[name] for name in indicators}


class _Group:
    """Indicators that have scores of the same networks."""

    def __init__(self, truth: Floats, scores: list[Floats], best_by: Floats | None) -> None:
        self.truth = truth
        self.scores = scores
        self._slice_order = Order.of(truth if best_by is None else best_by)
        self._truth_order = Order.of(truth)
        self._orders = [Order.of(values) for values in scores]

    def weighted(self, i: int) -> float:
        if self.truth.size < MIN_NETWORKS:
            return math.nan
        return weighted_tau(self.scores[i], self.truth)

    def replicates(
        self, rankings: Rankings, mask: NDArray[np.bool_], fractions: Sequence[float]
    ) -> dict[float, list[Replicates]]:
        """By fraction, one an indicator; no indicators without resamples or networks."""
        chunks: dict[float, list[list[Replicates]]] = {fraction: [] for fraction in fractions}
        for counts in rankings.counts() if self.truth.size >= MIN_NETWORKS else ():
            own = counts if mask.all() else counts[mask]
            for fraction, parts in chunks.items():
                parts.append(self._chunk(own, fraction))
        return {
            fraction: [
                (
                    np.concatenate([one[0] for one in indicator]),
                    np.concatenate([one[1] for one in indicator]),
                    np.concatenate([one[2] for one in indicator]),
                )
                for indicator in zip(*parts, strict=True)
            ]
            for fraction, parts in chunks.items()
        }

    def _chunk(self, counts: NDArray[np.float32], fraction: float) -> list[Replicates]:
        k = wanted(fraction, counts.sum(axis=0, dtype=np.float64))
        slice_ = TopCut.of(self._slice_order, counts, k)
        taus, rhos = weighted_rank_correlations(
            np.array(self.scores)[:, slice_.points],
            self.truth[slice_.points],
            np.asarray(slice_.weights * slice_.inside, dtype=np.float32),
        )
        best = TopCut.of(self._truth_order, counts, k)
        precisions = [overlap(best, TopCut.of(order, counts, k), k) for order in self._orders]
        return list(zip(taus, rhos, precisions, strict=True))

    def slice(
        self, i: int, fraction: float, replicates: list[Replicates], confidence: float
    ) -> TopSlice:
        x, y = self.scores[i], self.truth
        k = wanted(fraction, np.array([float(y.size)]))
        once = np.ones((y.size, 1), dtype=np.float32)
        best = TopCut.of(self._truth_order, once, k)
        slice_ = TopCut.of(self._slice_order, once, k)
        inside = slice_.points[slice_.inside[:, 0]]
        enough = inside.size >= MIN_NETWORKS
        own = replicates[i] if replicates else (np.empty(0),) * 3
        low_high = [percentile_interval(values, confidence=confidence) for values in own]
        return TopSlice(
            fraction=fraction,
            k=int(k[0]),
            n=inside.size,
            tau=kendall_tau_b(x[inside], y[inside]) if enough else math.nan,
            tau_low=low_high[0][0] if enough else math.nan,
            tau_high=low_high[0][1] if enough else math.nan,
            rho=spearman_rho(x[inside], y[inside]) if enough else math.nan,
            rho_low=low_high[1][0] if enough else math.nan,
            rho_high=low_high[1][1] if enough else math.nan,
            precision=float(overlap(best, TopCut.of(self._orders[i], once, k), k)[0]),
            precision_low=low_high[2][0],
            precision_high=low_high[2][1],
            ndcg=expected_ndcg(x, y, int(k[0])),
        )


def _check(fractions: Sequence[float], picks: Sequence[int]) -> None:
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction is {fraction}; it must lie in (0, 1], as in 0.1 for 10 %")
    for k in picks:
        if k < 1:
            raise ValueError(f"picks has {k}; at least one network must be trained")
