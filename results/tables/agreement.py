"""How indicators agree with the size of a network and with each other, without any accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from untrained.results.statistics.bootstrap import Interval, Resampling
from untrained.results.statistics.pairwise import Redundancy, redundancy
from untrained.results.statistics.population import Population
from untrained.results.statistics.resampled_correlations import Ranking, Rankings
from untrained.results.statistics.size_bias import SIZES


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
    # a population is of networks with a true value: a constant makes all of them one, and no
    # ranking below is against it
    everyone = pd.Series(0.0, index=scores.index)
    population = Population.of(
        scores, everyone, higher_is_better=higher_is_better, clusters=clusters
    )
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


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One indicator of an agreement table."""

    indicator: str
    title: str
    version: int
    protocol: str
    """Digest; several, with spaces between, of an aggregate."""
    protocol_text: str
    higher_is_better: bool
    seeds: tuple[int, ...]
    n: int
    """Networks with a score."""
    n_population: int
    ties: float
    """Fraction of their pairs whose scores are equal."""
    failures: tuple[tuple[str, int], ...]
    """As in a `TableRow`."""
    alone_s: float
    """Median seconds a network; NaN where not measured."""
    members: tuple[str, ...]
    """Of an aggregate."""
    with_sizes: tuple[SizeAgreement, ...]


@dataclass(frozen=True, slots=True)
class AgreementTable:
    """Indicators beside sizes and each other over one population of which no accuracy is known."""

    title: str
    space: str
    population: str
    """Which architectures, in words."""
    n_population: int
    reason: str
    """Why there are no accuracies, and how to get them."""
    resamples: int
    confidence: float
    bootstrap_seed: int
    interval: Interval
    clusters: int | None
    """Functional classes that were resampled in place of architectures."""
    command: str
    """Regenerates the table."""
    notes: tuple[str, ...]
    rows: tuple[AgreementRow, ...]
    """In the order of the study; reports sort them."""
    redundancy: Redundancy
