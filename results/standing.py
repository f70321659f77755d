"""Where one indicator stands among others that have scored the same networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from untrained.results.bootstrap import Resampling
from untrained.results.ceiling import Ceiling
from untrained.results.contribution import Contribution, contribution, nearest
from untrained.results.correlation import CorrelationRow, correlate_rankings
from untrained.results.pairwise import PairComparison, compare_with
from untrained.results.population import Population
from untrained.results.rankings import Rankings
from untrained.results.size_bias import SIZES, PartialCorrelation, size_biases
from untrained.results.top import TopRanking
from untrained.results.top_ranking import top_rankings

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
        """The comparison with another indicator, if there is one."""
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
        truth: true values, larger is better, indexed by architecture.
        name: the indicator.
        higher_is_better: the direction of each.
        space: of the networks.
        target: the truth in words.
        ceilings: of the same networks.
        resampling: how intervals are made.

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
    near = nearest(population, name, coverage=COVERAGE)
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
    return Rankings(Population(population.truth, kept, population.clusters), resampling)


def _best(rankings: Rankings, name: str, comparisons: Sequence[PairComparison]) -> str | None:
    own = int(rankings.population.having(name).sum())
    taus = {
        one.second: rankings.point(rankings.ranking(one.second, having=[name]))[0]
        for one in comparisons
        if one.n >= COVERAGE * own
    }
    known = {other: tau for other, tau in taus.items() if not math.isnan(tau)}
    return max(known, key=lambda other: known[other]) if known else None
