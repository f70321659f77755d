"""Everything a table says about a population, with and without a truth, from shared resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from untrained.results.statistics.bootstrap import Resampling
from untrained.results.statistics.correlation import CorrelationRow, correlate_rankings
from untrained.results.statistics.pairwise import (
    TRIVIAL,
    BaselineDifference,
    PairComparison,
    Redundancy,
    best_baselines,
    compare_pairs,
    redundancy,
)
from untrained.results.statistics.population import Population, Ranking, Rankings
from untrained.results.statistics.size_bias import SIZES, SizeBias, size_biases
from untrained.results.statistics.top import FRACTIONS, PICKS, TopRanking, top_rankings


@dataclass(frozen=True, slots=True)
class Analysis:
    """What `analyse` found, by indicator where it belongs to one."""

    rows: tuple[CorrelationRow, ...] = ()
    """As `correlate` returns them."""
    top: Mapping[str, TopRanking] = field(default_factory=dict)
    size_bias: Mapping[str, SizeBias] = field(default_factory=dict)
    best_baseline: Mapping[str, BaselineDifference] = field(default_factory=dict)
    pairs: tuple[PairComparison, ...] = ()
    redundancy: Redundancy | None = None
    clusters: int | None = None
    """Functional classes that were resampled; None: architectures were."""


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
    clusters: pd.Series[str] | None = None,
) -> Analysis:
    """All statistics of several indicators and one ground truth that need nothing else.

    Every ranking is resampled once, whatever needs it, so this takes about four times as long as
    `correlate` where all indicators have scores of the same networks.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.
        truth: true values, larger is better, indexed by architecture.
        higher_is_better: the direction of each indicator.
        baseline: the indicator that `delta_tau` compares with.
        sizes: indicators that are sizes of a network.
        trivial: indicators that are trivial baselines.
        fractions: of the top slices, in (0, 1].
        picks: how many of the best-scored networks are trained.
        clusters: the functional class of each architecture, to be resampled as a whole.

    Returns:
        The statistics; those that need a size or a trivial baseline are empty without one.

    Raises:
        ValueError: an architecture is listed twice or has no class, an indicator has no direction,
            or a number is out of range.
    """
    population = Population.of(scores, truth, higher_is_better=higher_is_better, clusters=clusters)
    rankings = Rankings(population, resampling or Resampling())
    return Analysis(
        rows=tuple(correlate_rankings(rankings, baseline=baseline)),
        top=top_rankings(rankings, fractions=fractions, picks=picks),
        size_bias=size_biases(rankings, sizes=sizes),
        best_baseline=best_baselines(rankings, trivial=trivial),
        pairs=compare_pairs(rankings),
        redundancy=redundancy(population),
        clusters=None if clusters is None else population.num_units,
    )


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
    """What `agree` found."""

    with_sizes: Mapping[str, tuple[SizeAgreement, ...]]
    """By indicator, a size beside itself left out."""
    redundancy: Redundancy


def agree(
    scores: pd.DataFrame,
    *,
    higher_is_better: Mapping[str, bool],
    sizes: Sequence[str] = SIZES,
    resampling: Resampling | None = None,
    clusters: pd.Series[str] | None = None,
) -> Agreement:
    """Rank correlations of scores with sizes and with each other.

    Scores of indicators for which lower is better are negated; an infinite score is a legal rank.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.
        higher_is_better: the direction of each indicator.
        sizes: the indicators that are sizes, as far as `scores` has them.
        clusters: the functional class of each architecture, to be resampled as a whole.

    Returns:
        The correlations; they say nothing about accuracy.

    Raises:
        ValueError: an architecture is listed twice or has no class, or an indicator has no
            direction.
    """
    population = Population.of(scores, None, higher_is_better=higher_is_better, clusters=clusters)
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
    tau, rho = rankings.point(ranking)
    taus, rhos = rankings.replicates(ranking)
    tau_low, tau_high = rankings.interval(tau, taus, lambda: rankings.jackknife(ranking)[0])
    rho_low, rho_high = rankings.interval(rho, rhos, lambda: rankings.jackknife(ranking)[1])
    assert ranking.y is not None
    return SizeAgreement(
        size=ranking.y,
        n=ranking.n,
        tau=tau,
        tau_low=tau_low,
        tau_high=tau_high,
        rho=rho,
        rho_low=rho_low,
        rho_high=rho_high,
    )
