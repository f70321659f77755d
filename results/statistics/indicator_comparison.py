"""One indicator beside all others: comparison, contribution to a combination, evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from untrained.results.searches.comparison import SearchComparison
from untrained.results.statistics.bootstrap import Resampling
from untrained.results.statistics.ceilings import Ceiling
from untrained.results.statistics.correlation import CorrelationRow, correlate_rankings
from untrained.results.statistics.pairwise import PairComparison, compare_with
from untrained.results.statistics.population import MIN_NETWORKS, Population, Rankings
from untrained.results.statistics.rank_correlation import mid_ranks, spearman_rho
from untrained.results.statistics.seed_noise import Stability
from untrained.results.statistics.size_bias import SIZES, PartialCorrelation, size_biases
from untrained.results.statistics.top import TopRanking, top_rankings

COVERAGE = 0.5
"""Of the indicator's networks, what share another one must have scored to be called the best or
the nearest: a handful of networks would make either by chance."""

FIRST = ("params", "flops", "depth")
"""Of indicators that rank alike, the plainest is named."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One indicator against one target, beside every other indicator on the same networks."""

    space: str
    target: str
    """In words."""
    row: CorrelationRow
    """Of the indicator; its `delta_tau` is the difference to params."""
    others: tuple[CorrelationRow, ...]
    """Of all other indicators, over the networks that have their score."""
    comparisons: tuple[PairComparison, ...]
    """The indicator against each other one, Holm's adjustment for as many."""
    best: str | None
    """The other indicator with the largest tau-b over the networks that both have, among those
    that have at least half of them. It is chosen by looking at the truth, which favours it."""
    rho_with: tuple[tuple[str, float], ...]
    """Spearman's rho with each size."""
    partial: tuple[PartialCorrelation, ...]
    """Given each size, then given all."""
    top: TopRanking | None
    best_top: TopRanking | None
    """Of the best other indicator."""
    nearest: Contribution | None
    """Beside the other indicator that ranks most like it."""
    with_best: Contribution | None
    """Beside the best other one; None where that is the nearest."""
    ceilings: tuple[Ceiling, ...] = ()

    def against(self, other: str) -> PairComparison | None:
        """Find the comparison with another indicator, if there is one."""
        return next((one for one in self.comparisons if one.second == other), None)


def standing(
    scores: pd.DataFrame,
    truth: pd.Series[float],
    name: str,
    *,
    higher_is_better: Mapping[str, bool],
    space: str,
    target: str,
    ceilings: Sequence[Ceiling] = (),
    resampling: Resampling | None = None,
) -> Standing:
    """Compare one indicator with all others.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.

    Raises:
        ValueError: as `correlate`.
    """
    resampling = resampling or Resampling()
    plain = [one for one in FIRST if one in scores.columns]
    order = [name, *plain, *sorted(c for c in scores.columns if c not in (name, *plain))]
    population = Population.of(scores[order], truth, higher_is_better=higher_is_better)
    rankings = Rankings(population, resampling)
    row, *others = correlate_rankings(rankings, baseline="params")
    comparisons = compare_with(rankings, name)
    best = _best(rankings, name, comparisons)
    near = nearest(population, name)
    sizes = [one for one in SIZES if one in population.scores]
    bias = size_biases(_part(population, [name, *sizes], resampling)).get(name)
    top = top_rankings(_part(population, [name, *([best] if best else [])], resampling))
    return Standing(
        space=space,
        target=target,
        row=row,
        others=tuple(others),
        comparisons=comparisons,
        best=best,
        rho_with=bias.rho_with if bias else (),
        partial=bias.partial if bias else (),
        top=top.get(name),
        best_top=top.get(best) if best else None,
        nearest=contribution(population, name, near, resampling=resampling) if near else None,
        with_best=contribution(population, name, best, resampling=resampling)
        if best and best != near
        else None,
        ceilings=tuple(ceilings),
    )


def _part(population: Population, names: Sequence[str], resampling: Resampling) -> Rankings:
    kept = {one: population.scores[one] for one in dict.fromkeys(names)}
    return Rankings(replace(population, scores=kept), resampling)


def _best(rankings: Rankings, name: str, comparisons: Sequence[PairComparison]) -> str | None:
    own = int(rankings.population.having(name).sum())
    taus = {
        one.second: rankings.point(rankings.ranking(one.second, having=[name]))[0]
        for one in comparisons
        if one.n >= COVERAGE * own
    }
    known = {other: tau for other, tau in taus.items() if not math.isnan(tau)}
    return max(known, key=lambda other: known[other]) if known else None


_SUM = "sum of ranks"


@dataclass(frozen=True, slots=True)
class Contribution:
    """tau-b of the sum of two indicators' ranks minus that of the second one alone.

    Ranks are mid-ranks among the networks that have both scores, larger is better, as in the
    aggregate `rank_sum`. Resamples keep the sums.
    """

    other: str
    """The second indicator."""
    rho: float
    """Spearman's rho between the two, each oriented as it claims."""
    n: int
    tau_other: float
    tau_sum: float
    delta: float
    delta_low: float
    delta_high: float
    p: float
    """Two-sided, as in `PairComparison`."""


def contribution(
    population: Population, name: str, other: str, *, resampling: Resampling
) -> Contribution:
    """Compute what `name` adds to `other`; NaN with fewer than three common networks."""
    mask = population.having(name, other)
    n = int(mask.sum())
    if n < MIN_NETWORKS:
        return Contribution(other, math.nan, n, *([math.nan] * 6))
    first, second = population.scores[name][mask], population.scores[other][mask]
    sums = np.full(population.size, math.nan)
    sums[mask] = mid_ranks(first) + mid_ranks(second)
    both = {_SUM: sums, other: population.scores[other]}
    rankings = Rankings(replace(population, scores=both), resampling)
    (compared,) = compare_with(rankings, _SUM)
    return Contribution(
        other,
        spearman_rho(first, second),
        n,
        rankings.point(rankings.ranking(other, having=[_SUM]))[0],
        rankings.point(rankings.ranking(_SUM))[0],
        *(compared.delta, compared.delta_low, compared.delta_high),
        compared.p,
    )


def nearest(population: Population, name: str) -> str | None:
    """Find the indicator that ranks most like another one, by the largest |rho|.

    Returns:
        The first of equal ones in the order of the scores; None where rho is nowhere defined.
    """
    own = population.having(name)
    enough = max(MIN_NETWORKS, COVERAGE * int(own.sum()))
    found: tuple[float, str] | None = None
    for other, scores in population.scores.items():
        mask = own & ~np.isnan(scores)
        if other == name or int(mask.sum()) < enough:
            continue
        rho = abs(spearman_rho(population.scores[name][mask], scores[mask]))
        if not math.isnan(rho) and (found is None or rho > found[0] + 1e-12):
            found = rho, other
    return None if found is None else found[1]


Relation = Literal["better", "worse", "not told apart", "the same ranking", "unknown"]

LEVEL = 0.05
"""Family-wise: p-values are adjusted by Holm's method for all baselines of a target."""
FEWEST = 10
"""Networks below which a difference is not judged: a single one of so few decides it."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """The ranking under another initialisation or batch."""

    space: str
    what: Literal["initialisation", "batch"]
    stability: Stability


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a verdict is based on."""

    name: str
    standings: tuple[Standing, ...]
    steadiness: tuple[Steadiness, ...] = ()
    searches: tuple[SearchComparison, ...] = ()
    broken: tuple[str, ...] = ()
    """Statements of the contract that it does not keep."""
    not_examined: str = ""
    """Why the contract could not be examined; empty where it was."""
    accuracies: tuple[str, ...] = ()
    """What it did that leads to accuracies of trained networks."""
    reached: tuple[str, ...] = ()
    """What else it did besides computing: other files, programs, connections."""
    suspicions: tuple[str, ...] = ()
    """What its text says about where scores may come from."""
    needs_labels: bool | None = None
    """None: not tried."""
    changes_with_labels: bool | None = None
    """Whether a score changes when labels are permuted."""
    failures: int = 0
    """Scores that crashed, ran out of time or memory."""
    wanted: int = 0


def relation(compared: PairComparison | None) -> Relation:
    """Classify a comparison at the level of 5 %, after Holm's adjustment.

    The same ranking is a difference of exactly zero in every resample. Fewer than ten networks
    say nothing else.
    """
    if compared is None or math.isnan(compared.delta) or math.isnan(compared.p_holm):
        return "unknown"
    if compared.delta == compared.delta_low == compared.delta_high == 0:
        return "the same ranking"
    if compared.n < FEWEST:
        return "unknown"
    if compared.p_holm > LEVEL:
        return "not told apart"
    return "better" if compared.delta > 0 else "worse"
