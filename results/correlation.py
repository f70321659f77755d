"""How well scores rank a population of architectures, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.results.bootstrap import percentile_interval, resample_counts
from untrained.results.ranking import (
    dense_ranks,
    kendall_tau_b,
    spearman_rho,
    tied_pair_fraction,
)
from untrained.results.weighted_ranking import weighted_rank_correlations

MIN_NETWORKS = 3
"""With two networks every correlation is -1 or 1: no statement about an indicator."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CorrelationRow:
    """Rank correlation of one indicator's scores with the truth.

    Positive means that the indicator ranks in the direction it claims. Intervals are percentile
    bootstrap intervals over architectures. What does not exist is NaN: fewer than three ranked
    networks, a constant side, an interval without resamples.
    """

    indicator: str
    n: int
    """Networks ranked: those with a score."""
    n_population: int
    """Networks with a true value, scored or not."""
    tau: float
    """Kendall's tau-b over the ranked networks."""
    tau_low: float
    tau_high: float
    rho: float
    """Spearman's rho over the ranked networks."""
    rho_low: float
    rho_high: float
    tau_failures_last: float
    """tau-b over the whole population, missing scores tied with each other behind all others."""
    ties_score: float
    """Fraction of the ranked pairs whose scores are equal."""
    ties_truth: float
    """Fraction of the ranked pairs whose true values are equal."""
    delta_tau: float
    """tau minus that of the baseline, both over the networks that both have a score for."""
    delta_low: float
    delta_high: float

    @property
    def coverage(self) -> float:
        """The fraction of the population that has a score; NaN for an empty population."""
        return self.n / self.n_population if self.n_population else math.nan


def correlate(
    scores: pd.DataFrame,
    truth: pd.Series[float],
    *,
    higher_is_better: Mapping[str, bool],
    baseline: str = "params",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[CorrelationRow]:
    """Rank correlations of several indicators with one ground truth.

    Scores of indicators for which lower is better are negated, here and nowhere else. An infinite
    score is a legal rank. All indicators and the baseline see the same resamples, drawn from the
    whole population with missing scores left out of each, so differences are paired. The result
    depends on what is in the arguments and not on the order of their rows.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.
        truth: true values, larger is better, indexed by architecture. Architectures that `scores`
            does not list are ignored, and those without a true value are not in the population.
        higher_is_better: the direction of each indicator.
        baseline: the indicator that `delta_tau` compares with; where `scores` lacks it, and for
            itself, the difference is NaN.
        resamples: how many; 0 for no intervals.
        confidence: of the intervals, in (0, 1).
        seed: of the resamples.

    Returns:
        One row an indicator, in the order of the columns.

    Raises:
        ValueError: an architecture is listed twice, an indicator has no direction, or a number is
            out of range.
    """
    _check(scores, truth, higher_is_better, resamples, confidence)
    known = truth.dropna()
    population = scores.index.intersection(known.index).sort_values()
    y = _floats(known.reindex(population))
    table = scores.reindex(population)
    oriented = {
        str(name): _floats(table[name]) * (1 if higher_is_better[name] else -1)
        for name in table.columns
    }
    scored = {name: ~np.isnan(values) for name, values in oriented.items()}
    shared = {name: mask & scored[baseline] for name, mask in scored.items() if baseline in scored}
    rankings = _Rankings(oriented, y)
    for name in oriented:
        rankings.want(name, scored[name])
        if name in shared:
            rankings.want(name, shared[name])
            rankings.want(baseline, shared[name])
    rankings.resample(resamples, np.random.default_rng(seed))

    rows = []
    for name, values in oriented.items():
        tau, rho = rankings.point(name, scored[name])
        taus, rhos = rankings.replicates(name, scored[name])
        delta, deltas = math.nan, np.empty(0)
        if name in shared and name != baseline:
            delta = rankings.point(name, shared[name])[0]
            delta -= rankings.point(baseline, shared[name])[0]
            deltas = rankings.replicates(name, shared[name])[0]
            deltas = deltas - rankings.replicates(baseline, shared[name])[0]
        tau_low, tau_high = percentile_interval(taus, confidence=confidence)
        rho_low, rho_high = percentile_interval(rhos, confidence=confidence)
        delta_low, delta_high = percentile_interval(deltas, confidence=confidence)
        rows.append(
            CorrelationRow(
                indicator=name,
                n=int(scored[name].sum()),
                n_population=y.size,
                tau=tau,
                tau_low=tau_low,
                tau_high=tau_high,
                rho=rho,
                rho_low=rho_low,
                rho_high=rho_high,
                tau_failures_last=_tau_failures_last(values, y),
                ties_score=tied_pair_fraction(values[scored[name]]),
                ties_truth=tied_pair_fraction(y[scored[name]]),
                delta_tau=delta,
                delta_low=delta_low,
                delta_high=delta_high,
            )
        )
    return rows


class _Rankings:
    """The rankings a table needs, each of one indicator over some of the networks."""

    def __init__(self, oriented: Mapping[str, Floats], y: Floats) -> None:
        self._oriented = oriented
        self._y = y
        # by mask first: all indicators ranked over the same networks share the truth's side
        self._wanted: dict[bytes, set[str]] = {}
        self._replicates: dict[tuple[str, bytes], tuple[Floats, Floats]] = {}

    def want(self, name: str, mask: Mask) -> None:
        """Have this ranking resampled, if it has enough networks."""
        if mask.sum() >= MIN_NETWORKS:
            self._wanted.setdefault(mask.tobytes(), set()).add(name)

    def resample(self, resamples: int, generator: np.random.Generator) -> None:
        """Correlate every wanted ranking in the same resamples of the whole population."""
        if not self._wanted:
            return
        chunks: dict[tuple[str, bytes], list[tuple[Floats, Floats]]] = {}
        for counts in resample_counts(self._y.size, resamples, generator):
            for key, wanted in self._wanted.items():
                mask, names = np.frombuffer(key, dtype=np.bool_), sorted(wanted)
                scores = np.array([self._oriented[name][mask] for name in names])
                taus, rhos = weighted_rank_correlations(scores, self._y[mask], counts[mask])
                for name, tau, rho in zip(names, taus, rhos, strict=True):
                    chunks.setdefault((name, key), []).append((tau, rho))
        for ranking, parts in chunks.items():
            self._replicates[ranking] = (
                np.concatenate([tau for tau, _ in parts]),
                np.concatenate([rho for _, rho in parts]),
            )

    def replicates(self, name: str, mask: Mask) -> tuple[Floats, Floats]:
        """Tau and rho in every resample; empty where there are too few networks."""
        return self._replicates.get((name, mask.tobytes()), (np.empty(0), np.empty(0)))

    def point(self, name: str, mask: Mask) -> tuple[float, float]:
        """Tau and rho themselves; NaN where there are too few networks."""
        if mask.sum() < MIN_NETWORKS:
            return math.nan, math.nan
        values, y = self._oriented[name][mask], self._y[mask]
        return kendall_tau_b(values, y), spearman_rho(values, y)


def _floats(column: pd.Series[float]) -> Floats:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=math.nan), dtype=np.float64)


def _tau_failures_last(values: Floats, y: Floats) -> float:
    if y.size < MIN_NETWORKS:
        return math.nan
    ranks = np.zeros(y.size, dtype=np.int64)
    scored = ~np.isnan(values)
    ranks[scored] = dense_ranks(values[scored]) + 1
    return kendall_tau_b(ranks, y)


def _check(
    scores: pd.DataFrame,
    truth: pd.Series[float],
    higher_is_better: Mapping[str, bool],
    resamples: int,
    confidence: float,
) -> None:
    for what, index in (("scores", scores.index), ("the truth", truth.index)):
        if not index.is_unique:
            twice = index[index.duplicated()][0]
            raise ValueError(f"{what} list {twice!r} twice; each architecture must stand once")
    undirected = sorted(str(name) for name in scores.columns if name not in higher_is_better)
    if undirected:
        raise ValueError(f"higher_is_better says nothing about {', '.join(undirected)}")
    if resamples < 0:
        raise ValueError(f"resamples is {resamples}; it must be at least 0")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, as in 0.95")
