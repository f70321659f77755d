"""How well scores rank a population of architectures, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from untrained.results.statistics.bootstrap import Interval, Resampling
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Population,
    Ranking,
    Rankings,
)
from untrained.results.statistics.rank_correlation import (
    dense_ranks,
    kendall_tau_b,
    tied_pair_fraction,
)


@dataclass(frozen=True, slots=True)
class CorrelationRow:
    """Rank correlation of one indicator's scores with the truth.

    Positive means that the indicator ranks in the direction it claims. Intervals are bootstrap
    intervals over architectures, or over functional classes where those were given. What does not
    exist is NaN: fewer than three ranked networks, a constant side, an interval without resamples.
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
    interval: Interval = "percentile",
    clusters: pd.Series[str] | None = None,
) -> list[CorrelationRow]:
    """Rank correlations of several indicators with one ground truth.

    Scores of indicators for which lower is better are negated. An infinite score is a legal rank.
    All indicators and the baseline see the same resamples, drawn from the whole population with
    missing scores left out of each, so differences are paired. The result depends on what is in
    the arguments and not on the order of their rows.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.
        truth: true values, larger is better, indexed by architecture. Architectures that `scores`
            does not list are ignored, and those without a true value are not in the population.
        higher_is_better: the direction of each indicator.
        baseline: the indicator that `delta_tau` compares with; where `scores` lacks it, and for
            itself, the difference is NaN.
        resamples: how many; 0 for no intervals.
        confidence: of the intervals, in (0, 1).
        interval: `percentile`, or `bca` (bias-corrected and accelerated).
        clusters: the functional class of each architecture. Classes are resampled, and left out of
            the jackknife, as wholes: duplicates make no interval narrower.

    Returns:
        One row an indicator, in the order of the columns.

    Raises:
        ValueError: an architecture is listed twice or has no class, an indicator has no direction,
            or a number is out of range.
    """
    population = Population.of(scores, truth, higher_is_better=higher_is_better, clusters=clusters)
    return correlate_rankings(
        Rankings(population, Resampling(resamples, confidence, seed, interval)), baseline=baseline
    )


def correlate_rankings(rankings: Rankings, *, baseline: str) -> list[CorrelationRow]:
    """The same from rankings that other statistics share.

    Args:
        baseline: the indicator that `delta_tau` compares with.

    Returns:
        One row an indicator, in the order of the population's scores.
    """
    names = list(rankings.population.scores)
    own = {name: rankings.ranking(name) for name in names}
    both = {
        name: (
            rankings.ranking(name, having=[baseline]),
            rankings.ranking(baseline, having=[name]),
        )
        for name in names
        if baseline in own and name != baseline
    }
    rankings.resample([*own.values(), *(one for pair in both.values() for one in pair)])
    return [_row(rankings, name, own[name], both.get(name)) for name in names]


def _row(
    rankings: Rankings, name: str, own: Ranking, both: tuple[Ranking, Ranking] | None
) -> CorrelationRow:
    population = rankings.population
    values, y = population.scores[name][own.mask], population.truth[own.mask]
    tau, rho = rankings.point(own)
    taus, rhos = rankings.replicates(own)
    tau_low, tau_high = rankings.interval(tau, taus, lambda: rankings.jackknife(own)[0])
    rho_low, rho_high = rankings.interval(rho, rhos, lambda: rankings.jackknife(own)[1])
    delta = low = high = math.nan
    if both is not None:
        delta, low, high = difference(rankings, *both)
    return CorrelationRow(
        indicator=name,
        n=own.n,
        n_population=population.size,
        tau=tau,
        tau_low=tau_low,
        tau_high=tau_high,
        rho=rho,
        rho_low=rho_low,
        rho_high=rho_high,
        tau_failures_last=_tau_failures_last(population.scores[name], population.truth),
        ties_score=tied_pair_fraction(values),
        ties_truth=tied_pair_fraction(y),
        delta_tau=delta,
        delta_low=low,
        delta_high=high,
    )


def difference(rankings: Rankings, first: Ranking, second: Ranking) -> tuple[float, float, float]:
    """tau-b of one ranking minus that of another one of the same networks, with its interval.

    Returns:
        The difference, and the lower and upper end of its paired bootstrap interval.
    """
    delta = rankings.point(first)[0] - rankings.point(second)[0]
    deltas = rankings.replicates(first)[0] - rankings.replicates(second)[0]
    low, high = rankings.interval(
        delta, deltas, lambda: rankings.jackknife(first)[0] - rankings.jackknife(second)[0]
    )
    return delta, low, high


def _tau_failures_last(values: Floats, y: Floats) -> float:
    if y.size < MIN_NETWORKS:
        return math.nan
    ranks = np.zeros(y.size, dtype=np.int64)
    scored = ~np.isnan(values)
    ranks[scored] = dense_ranks(values[scored]) + 1
    return kendall_tau_b(ranks, y)
