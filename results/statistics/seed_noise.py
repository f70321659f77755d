"""Noise of initialisations, and effects of the factors of a protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import stdev

import numpy as np
import pandas as pd

from untrained.results.statistics.population import MIN_NETWORKS, Floats, Population, check_unique
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho


@dataclass(frozen=True, slots=True)
class Stability:
    """The same indicator on the same networks under several seeds."""

    seeds: tuple[int, ...]
    n: int
    """Networks that have a score under every seed and a true value."""
    rho: float
    """Mean of Spearman's rho between the scores of two seeds, over all pairs of seeds."""
    rho_min: float
    """The worst pair."""
    taus: tuple[float, ...]
    """tau-b with the truth, one a seed."""
    tau_mean: float
    tau_sd: float
    """Sample standard deviation over seeds (divisor: seeds - 1)."""


def seed_stability(
    scores: Mapping[int, pd.Series[float]], truth: pd.Series[float], *, higher_is_better: bool
) -> Stability | None:
    """Compute how much one indicator's ranking depends on the seed.

    Args:
        scores: by seed, indexed by architecture; NaN where there is none.
        truth: true values, larger is better, indexed by architecture.

    Returns:
        None with fewer than two seeds. Numbers are NaN with fewer than three common networks, and
        where a seed's scores are constant.

    Raises:
        ValueError: an architecture is listed twice.
    """
    if len(scores) < 2:
        return None
    common = common_scores(scores, truth, higher_is_better=higher_is_better)
    seeds = sorted(scores)
    y, columns = common.truth, [common.scores[str(seed)] for seed in seeds]
    if y.size < MIN_NETWORKS:
        rhos, taus = [math.nan], [math.nan] * len(seeds)
    else:
        rhos = [spearman_rho(one, other) for one, other in combinations(columns, 2)]
        taus = [kendall_tau_b(column, y) for column in columns]
    return Stability(
        seeds=tuple(seeds),
        n=y.size,
        rho=float(np.mean(rhos)),
        rho_min=float(np.min(rhos)),
        taus=tuple(taus),
        tau_mean=float(np.mean(taus)),
        tau_sd=math.nan if np.isnan(taus).any() else stdev(taus),
    )


def common_scores(
    scores: Mapping[int, pd.Series[float]] | Mapping[tuple[str, ...], pd.Series[float]],
    truth: pd.Series[float],
    *,
    higher_is_better: bool,
) -> Population:
    """Select the networks that have all of several scorings and a true value.

    Returns:
        A population whose scores are named by `str` of the keys.
    """
    for key, column in scores.items():
        check_unique(f"scores under {key}", column.index)
    table = pd.concat({str(key): column for key, column in scores.items()}, axis=1, join="inner")
    return Population.of(
        table.dropna(), truth, higher_is_better=dict.fromkeys(table.columns, higher_is_better)
    )


@dataclass(frozen=True, slots=True)
class FactorLevel:
    """One level of one factor, averaged over all settings of the others."""

    level: str
    n_cells: int
    """Protocols with this level."""
    tau: float
    """Mean tau-b with the truth."""
    effect: float
    """`tau` minus the mean over all protocols: the main effect on tau."""
    agreement: float
    """Mean of Spearman's rho between the scores under this level and those under the reference
    level, all other factors equal; 1 for the reference itself."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """The main effect of one factor on one indicator."""

    indicator: str
    factor: str
    """`batch_size`, `inputs`, `initialisation`, ..."""
    reference: str
    """The level that others are compared with."""
    n: int
    """Networks that have a score under every protocol and a true value."""
    levels: tuple[FactorLevel, ...]
    """The reference first, then in the order given."""
    share: float
    """Variance of tau between the levels' means over the variance of tau between all protocols:
    1 where nothing else matters, NaN where tau never changes."""


def factor_effects(
    scores: Mapping[tuple[str, ...], pd.Series[float]],
    truth: pd.Series[float],
    *,
    indicator: str,
    factors: Sequence[str],
    reference: tuple[str, ...],
    higher_is_better: bool,
) -> tuple[FactorEffect, ...]:
    """Compute the main effect of each factor of a full factorial on one indicator.

    Every combination of levels counts the same, so a level's mean over all settings of the other
    factors is free of their effects.

    Args:
        scores: by the levels of all factors, in the order of `factors`; indexed by architecture,
            NaN where there is no score.
        truth: true values, larger is better, indexed by architecture.
        reference: the level of each factor that others are compared with.

    Returns:
        One effect a factor that has at least two levels.

    Raises:
        ValueError: a combination of levels is missing or has another number of them than there
            are factors, the reference is not among them, or an architecture is listed twice.
    """
    levels = _levels(scores, factors, reference)
    common = common_scores(scores, truth, higher_is_better=higher_is_better)
    columns = {cell: common.scores[str(cell)] for cell in scores}
    enough = common.size >= MIN_NETWORKS
    taus = {
        cell: kendall_tau_b(column, common.truth) if enough else math.nan
        for cell, column in columns.items()
    }
    # the variance of equal numbers may be other than zero by rounding, and so would be their share
    varies = bool(np.ptp(list(taus.values())) > 0)
    total = float(np.var(list(taus.values())))
    found = []
    for place, factor in enumerate(factors):
        if len(levels[place]) < 2:
            continue
        effects = tuple(
            _level(level, place, reference[place], taus, columns) for level in levels[place]
        )
        between = float(np.var([one.tau for one in effects]))
        found.append(
            FactorEffect(
                indicator=indicator,
                factor=factor,
                reference=reference[place],
                n=common.size,
                levels=effects,
                share=between / total if varies else math.nan,
            )
        )
    return tuple(found)


def _level(
    level: str,
    place: int,
    reference: str,
    taus: Mapping[tuple[str, ...], float],
    columns: Mapping[tuple[str, ...], Floats],
) -> FactorLevel:
    cells = [cell for cell in taus if cell[place] == level]
    agreements = [
        1.0
        if level == reference
        else _agreement(columns[cell], columns[(*cell[:place], reference, *cell[place + 1 :])])
        for cell in cells
    ]
    tau = float(np.mean([taus[cell] for cell in cells]))
    return FactorLevel(
        level=level,
        n_cells=len(cells),
        tau=tau,
        effect=tau - float(np.mean(list(taus.values()))),
        agreement=float(np.mean(agreements)),
    )


def _agreement(one: Floats, other: Floats) -> float:
    return spearman_rho(one, other) if one.size >= MIN_NETWORKS else math.nan


def _levels(
    scores: Mapping[tuple[str, ...], pd.Series[float]],
    factors: Sequence[str],
    reference: tuple[str, ...],
) -> list[list[str]]:
    """List the levels of each factor, the reference first, the rest in the order of the scores."""
    for cell in [reference, *scores]:
        if len(cell) != len(factors):
            raise ValueError(f"{cell} names {len(cell)} levels of {len(factors)} factors")
    if reference not in scores:
        raise ValueError(f"the reference {reference} is none of the {len(scores)} protocols scored")
    levels = [
        list(dict.fromkeys([reference[place], *(cell[place] for cell in scores)]))
        for place in range(len(factors))
    ]
    missing = [cell for cell in product(*levels) if cell not in scores]
    if missing:
        raise ValueError(
            f"the effects of {', '.join(factors)} need every combination of their levels; "
            f"{len(missing)} are not scored, {missing[0]} for one; score them, or leave out a level"
        )
    return levels
