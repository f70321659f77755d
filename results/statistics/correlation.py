"""Rank correlations of scores with a truth or with sizes, and all statistics of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from untrained.results.statistics.bootstrap import SAME, Estimate, Interval, Resampling
from untrained.results.statistics.draws import BatchNoise, widened, with_noise
from untrained.results.statistics.pairwise import (
    TRIVIAL,
    BaselineDifference,
    PairComparison,
    Redundancy,
    best_baselines,
    compare_pairs,
    holm,
    redundancy,
)
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Mask,
    Population,
    Ranking,
    Rankings,
    one_of_each_class,
)
from untrained.results.statistics.rank_correlation import kendall_tau_b, tied_pair_fraction
from untrained.results.statistics.size_bias import SIZES, SizeBias, size_biases
from untrained.results.statistics.top import FRACTIONS, PICKS, TopRanking, top_rankings


@dataclass(frozen=True, slots=True)
class CorrelationRow:
    """Rank correlation of one indicator's scores with the truth.

    Positive means that the indicator ranks in the direction it claims. Intervals are bootstrap
    intervals over architectures. What does not exist is NaN: fewer than three ranked networks, a
    constant side, an interval without resamples.
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
    delta_p: float = math.nan
    """Two-sided p of no difference, by the bootstrap standard error; NaN without resamples, and
    where both rank all networks alike in every resample: there is nothing to test."""
    delta_p_holm: float = math.nan
    """`delta_p` adjusted by Holm's method for the rows of the table that have one."""
    n_common: int = 0
    """Networks that all rows have a score for; rows that lack more than a fifth of the population
    do not count, and have no such networks."""
    tau_common: float = math.nan
    """tau-b over these networks: what rows of one table are compared by."""
    n_finite: int = 0
    """Those of them for which all these rows have a finite score. Networks of constant output,
    among others, have none: an indicator has no score for them, or an infinite one."""
    tau_finite: float = math.nan
    """tau-b over these."""

    @property
    def coverage(self) -> float:
        """The fraction of the population that has a score; NaN for an empty population."""
        return self.n / self.n_population if self.n_population else math.nan

    @property
    def has_most(self) -> bool:
        """Tell whether at least four fifths of the population have a score.

        The tau of other rows is of networks that may be unlike the population.
        """
        return _are_most(self.n, self.n_population)


def _are_most(n: int, size: int) -> bool:
    return 0 < 4 * size <= 5 * n


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
) -> list[CorrelationRow]:
    """Correlate the scores of several indicators with one ground truth.

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

    Returns:
        One row an indicator, in the order of the columns.

    Raises:
        ValueError: an architecture is listed twice, an indicator has no direction, or a number is
            out of range.
    """
    population = Population.of(scores, truth, higher_is_better=higher_is_better)
    return correlate_rankings(
        Rankings(population, Resampling(resamples, confidence, seed, interval)), baseline=baseline
    )


def correlate_rankings(
    rankings: Rankings, *, baseline: str, noise: Mapping[str, BatchNoise] | None = None
) -> list[CorrelationRow]:
    """Correlate as `correlate` does, from rankings that other statistics share.

    Args:
        noise: of the batch, by indicator, to be added to the intervals.
    """
    noise = noise or {}
    names = list(rankings.population.scores)
    own = {name: rankings.ranking(name) for name in names}
    both = {
        name: rankings.pair(name, baseline)
        for name in names
        if baseline in own and name != baseline
    }
    rankings.resample([*own.values(), *(one for pair in both.values() for one in pair)])
    common = _Common.of(rankings.population)
    rows = [
        _row(rankings, own[name], both.get(name), common=common, noise=noise.get(name))
        for name in names
    ]
    adjusted = holm([row.delta_p for row in rows])
    return [replace(row, delta_p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


@dataclass(frozen=True, slots=True)
class _Common:
    """Networks by which the rows of a table can be compared."""

    names: frozenset[str]
    """Rows that have a score for at least four fifths of the population. Those of others would make
    the networks that all rows are compared on few, and others than the population."""
    scored: Mask
    """Networks that all these have a score for."""
    finite: Mask
    """Networks that all these have a finite score for."""

    @classmethod
    def of(cls, population: Population) -> _Common:
        names = [
            name
            for name in population.scores
            if _are_most(int(population.having(name).sum()), population.size)
        ]
        finite = np.ones(population.size, dtype=np.bool_)
        for name in names:
            finite &= np.isfinite(population.scores[name])
        return cls(frozenset(names), population.having(*names), finite)


def _row(
    rankings: Rankings,
    own: Ranking,
    both: tuple[Ranking, Ranking] | None,
    *,
    common: _Common,
    noise: BatchNoise | None,
) -> CorrelationRow:
    population, name = rankings.population, own.x
    ranks, y = rankings.ranks(name), rankings.ranks(None)
    confidence = rankings.resampling.confidence
    tau, rho = rankings.estimates(own)
    delta, p = Estimate(math.nan), math.nan
    if both is not None:
        sd = noise.delta if noise else math.nan
        delta, p, error = with_noise(rankings.difference(*both), sd, confidence=confidence)
        p = math.nan if delta.value == 0 and error < SAME else p
    if noise:
        tau = widened(tau, noise.tau, confidence=confidence)
        rho = widened(rho, noise.rho, confidence=confidence)
    shared = [Ranking(name, None, mask.tobytes()) for mask in (common.scored, common.finite)]
    sizes = [one.n if name in common.names else 0 for one in shared]
    taus = [rankings.point(one)[0] if name in common.names else math.nan for one in shared]
    return CorrelationRow(
        name,
        own.n,
        population.size,
        *tau,
        *rho,
        _tau_failures_last(rankings, own),
        tied_pair_fraction(ranks[own.mask]),
        tied_pair_fraction(y[own.mask]),
        *delta,
        delta_p=p,
        n_common=sizes[0],
        tau_common=taus[0],
        n_finite=sizes[1],
        tau_finite=taus[1],
    )


def _tau_failures_last(rankings: Rankings, own: Ranking) -> float:
    size = rankings.population.size
    if own.n == size:
        return rankings.point(own)[0]
    if size < MIN_NETWORKS:
        return math.nan
    # the rank of a missing score is the lowest
    return kendall_tau_b(rankings.ranks(own.x), rankings.ranks(None))


@dataclass(frozen=True, slots=True)
class Analysis:
    """Results of `analyse`, by indicator where they belong to one."""

    rows: tuple[CorrelationRow, ...] = ()
    """As `correlate` returns them."""
    top: Mapping[str, TopRanking] = field(default_factory=dict)
    size_bias: Mapping[str, SizeBias] = field(default_factory=dict)
    best_baseline: Mapping[str, BaselineDifference] = field(default_factory=dict)
    pairs: tuple[PairComparison, ...] = ()
    redundancy: Redundancy | None = None
    functions: tuple[CorrelationRow, ...] = ()
    """The same as `rows` over one architecture a functional class; empty where no two are of one
    class."""


def analyse(
    scores: pd.DataFrame,
    truth: pd.Series[float],
    *,
    higher_is_better: Mapping[str, bool],
    baseline: str = "params",
    sizes: Sequence[str] = SIZES,
    trivial: Sequence[str] = TRIVIAL,
    fractions: Sequence[float] = FRACTIONS,
    picks: Sequence[int] = PICKS,
    resampling: Resampling | None = None,
    classes: pd.Series[str] | None = None,
    noise: Mapping[str, BatchNoise] | None = None,
) -> Analysis:
    """Compute all statistics of several indicators and one ground truth.

    Every ranking is resampled once, whatever needs it, so this takes about four times as long as
    `correlate` where all indicators have scores of the same networks.

    Args:
        scores: as in `correlate`, and so are truth, directions and baseline.
        sizes: indicators that are sizes of a network.
        trivial: indicators that are trivial baselines.
        fractions: of the top slices, in (0, 1].
        picks: how many of the best-scored networks are trained.
        classes: the functional class of each architecture, for rows over functions; None: each
            architecture is its own.
        noise: of the batch, by indicator, which the intervals of rows, pairs and differences to
            baselines are to contain.

    Returns:
        The statistics; those that need a size or a trivial baseline are empty without one.

    Raises:
        ValueError: as `correlate`, or a fraction or number of picks is out of range.
    """
    resampling = resampling or Resampling()
    population = Population.of(scores, truth, higher_is_better=higher_is_better)
    rankings = Rankings(population, resampling)
    members = None if classes is None else _members(classes, population, resampling.seed)
    return Analysis(
        rows=tuple(correlate_rankings(rankings, baseline=baseline, noise=noise)),
        top=top_rankings(rankings, fractions=fractions, picks=picks),
        size_bias=size_biases(rankings, sizes=sizes),
        best_baseline=best_baselines(rankings, trivial=trivial, noise=noise),
        pairs=compare_pairs(rankings, noise=noise),
        redundancy=redundancy(population),
        functions=()
        if members is None
        else tuple(
            correlate_rankings(
                Rankings(population.among(members), resampling), baseline=baseline, noise=noise
            )
        ),
    )


def _members(classes: pd.Series[str], population: Population, seed: int) -> Mask | None:
    """Draw one architecture a functional class; None where each is of a class of its own."""
    own = classes.reindex(population.names)
    chosen = population.names.isin(one_of_each_class(own, seed=seed))
    return None if chosen.all() else chosen


@dataclass(frozen=True, slots=True)
class SizeAgreement:
    """How a score ranks networks beside their size.

    Positive where the indicator favours larger networks. NaN where fewer than three networks have
    both, or one side is constant; intervals are NaN without resamples.
    """

    size: str
    """`params` or `flops`."""
    n: int
    """Networks that have both."""
    tau: float
    """tau-b of the score, larger being better, with the size."""
    tau_low: float
    tau_high: float
    rho: float
    """Spearman's rho of the same."""
    rho_low: float
    rho_high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Results of `agree`."""

    with_sizes: Mapping[str, tuple[SizeAgreement, ...]]
    """By indicator, a size beside itself left out."""
    redundancy: Redundancy


def agree(
    scores: pd.DataFrame,
    *,
    higher_is_better: Mapping[str, bool],
    sizes: Sequence[str] = SIZES,
    resampling: Resampling | None = None,
) -> Agreement:
    """Correlate scores with sizes and with each other.

    The results say nothing about accuracy.

    Args:
        scores: as in `correlate`, and so are directions.
        sizes: the indicators that are sizes, as far as `scores` has them.

    Raises:
        ValueError: as `correlate`.
    """
    population = Population.of(scores, None, higher_is_better=higher_is_better)
    rankings = Rankings(population, resampling or Resampling())
    wanted = {
        name: [rankings.ranking(name, size) for size in sizes if size in scores and size != name]
        for name in population.scores
    }
    rankings.resample(one for those in wanted.values() for one in those)
    return Agreement(
        {
            name: tuple(_with_size(rankings, ranking) for ranking in those)
            for name, those in wanted.items()
        },
        redundancy(population),
    )


def _with_size(rankings: Rankings, ranking: Ranking) -> SizeAgreement:
    tau, rho = rankings.estimates(ranking)
    assert ranking.y is not None
    return SizeAgreement(ranking.y, ranking.n, *tau, *rho)
