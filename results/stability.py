"""How much an indicator's ranking depends on the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import stdev

import numpy as np
import pandas as pd

from untrained.results.population import Population, check_unique
from untrained.results.ranking import kendall_tau_b, spearman_rho
from untrained.results.rankings import MIN_NETWORKS


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
    """How much one indicator's ranking depends on the seed.

    Args:
        scores: by seed, indexed by architecture; NaN where there is none.
        truth: true values, larger is better, indexed by architecture.
        higher_is_better: the indicator's direction.

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
    """Several scorings of the networks that have all of them and a true value.

    Args:
        scores: by what tells them apart, indexed by architecture.
        truth: true values, larger is better, indexed by architecture.
        higher_is_better: the direction of all scorings.

    Returns:
        A population whose scores are named by `str` of the keys.

    Raises:
        ValueError: an architecture is listed twice.
    """
    for key, column in scores.items():
        check_unique(f"scores under {key}", column.index)
    table = pd.concat({str(key): column for key, column in scores.items()}, axis=1, join="inner")
    return Population.of(
        table.dropna(), truth, higher_is_better=dict.fromkeys(table.columns, higher_is_better)
    )
