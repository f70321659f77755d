"""How well a target can be ranked at all, given the noise of its own training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from untrained.foundation import derive
from untrained.results.statistics.bootstrap import Estimate, Resampling
from untrained.results.statistics.correlation import correlate_rankings
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Population,
    Rankings,
    check_unique,
    floats,
)
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho
from untrained.results.statistics.top import FRACTIONS, MIN_SLICE, TopSlice, top_rankings, wanted


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A perfect predictor, or a column of truth in place of an indicator, against the truth."""

    first: str
    """What plays the indicator, in words: `cifar10 valid accuracy`."""
    second: str
    """What plays the truth."""
    n: int
    """Networks that have both values."""
    tau: float
    tau_low: float
    tau_high: float
    rho: float
    rho_low: float
    rho_high: float
    slices: tuple[TopSlice, ...]
    """By ascending fraction. The networks inside are the best by the table's target where that was
    given, else by `second`; precision is about `second` either way."""
    perfect: bool = False
    """Whether it is that of a perfect predictor, which an indicator exceeds by luck alone."""


def noise_ceiling(
    first: pd.Series[float],
    second: pd.Series[float],
    *,
    names: tuple[str, str],
    target: pd.Series[float] | None = None,
    resampling: Resampling | None = None,
    fractions: Sequence[float] = FRACTIONS,
) -> Ceiling:
    """Correlate two columns of truth as if the first were an indicator.

    Args:
        first: true values, larger is better, indexed by architecture; NaN where there is none.
        second: the same of another training seed, or of another metric.
        names: of `first` and `second`, in words.
        target: the values by which a table's top slices are cut, larger is better, so that the
            ceiling is that of the same slices: a mean over seeds, say. None: `second`.
        fractions: of the top slices, in (0, 1].

    Returns:
        The ceiling over the architectures that have all.

    Raises:
        ValueError: an architecture is listed twice, or a fraction is out of range.
    """
    name, by = "first", "target"
    columns = {name: first} if target is None else {name: first, by: target}
    for what, column in columns.items():
        check_unique(f"values of the {what}", column.index)
    population = Population.of(
        # resamples draw from the architectures that have all
        pd.concat(columns, axis=1, join="inner").dropna(),
        second,
        higher_is_better={name: True, by: True},
    )
    rankings = Rankings(population, resampling or Resampling())
    row = correlate_rankings(rankings, baseline=name)[0]
    top = top_rankings(rankings, fractions=fractions, best_by=None if target is None else by)
    return Ceiling(
        *names,
        row.n,
        *(row.tau, row.tau_low, row.tau_high),
        *(row.rho, row.rho_low, row.rho_high),
        top[name].slices,
    )


SIMULATIONS = 100
"""Fewer of many networks, whose simulations differ less: down to a quarter."""
STRATA = 10
"""Parts of the target, equal in number, within which training is taken to be equally noisy."""


def perfect_ceiling(
    seeds: pd.DataFrame,
    target: pd.Series[float],
    *,
    name: str,
    averaged: bool,
    resampling: Resampling | None = None,
    fractions: Sequence[float] = FRACTIONS,
) -> Ceiling | None:
    """Simulate how a predictor without any error ranks a target that has the noise of training.

    The predictor knows the values of the target as they are. The target is drawn anew around them:
    the value of a network that was trained m times is changed by the mean of m deviations, drawn
    from those in its tenth of the target. A deviation is that of one training from the mean of its
    network's k trainings, times sqrt(k / (k - 1)), which has the variance of one training. The
    values that are given have noise themselves and lie further apart than without it, so that the
    ceiling is rather too high than too low.

    Args:
        seeds: one column a training seed, indexed by architecture; NaN where it was not trained.
        target: values of the target, larger is better; NaN where there is none.
        name: of the target, in words.
        averaged: whether the target is the mean over the seeds; else it is one training.
        resampling: seed of the simulations, and confidence of the intervals.
        fractions: of the top slices, in (0, 1], the best by the target as drawn; those that
            reports would not show are left out, and nDCG is not simulated.

    Returns:
        Means over the simulations, and intervals of one simulation by their standard deviation;
        None with fewer than three networks, or where none was trained twice.
    """
    resampling = resampling or Resampling()
    known = target.dropna().sort_index()
    trainings = seeds.reindex(known.index)
    if known.size < MIN_NETWORKS or (trainings.count(axis=1) < 2).all():
        return None
    y = floats(known)
    noise = _training_noise(
        y,
        trainings.to_numpy(dtype=np.float64),
        averaged=averaged,
        simulations=min(SIMULATIONS, max(SIMULATIONS // 4, 400_000 // y.size)),
        rng=np.random.default_rng(derive(resampling.seed, "training noise")),
    )
    sizes = {
        fraction: k
        for fraction in sorted(fractions)
        if (k := int(wanted(fraction, np.array([float(y.size)]))[0])) >= MIN_SLICE
    }
    drawn = np.array([_statistics(y, y + one, list(sizes.values())) for one in noise.T])
    mean, spread = drawn.mean(axis=0), ndtri((1 + resampling.confidence) / 2) * drawn.std(axis=0)
    numbers = np.clip([mean, mean - spread, mean + spread], -1, 1).T.tolist()
    ends = [Estimate(*one) for one in numbers]
    tau, rho, *inside = ends
    slices = []
    for place, (fraction, k) in enumerate(sizes.items()):
        of_tau, of_rho, of_precision = inside[3 * place : 3 * place + 3]
        bounds = (*of_tau, *of_rho, *of_precision)
        slices.append(TopSlice(fraction, k, k, *bounds, ndcg=math.nan))
    first = "a perfect predictor"
    return Ceiling(first, name, y.size, *tau, *rho, slices=tuple(slices), perfect=True)


def _training_noise(
    y: Floats, trainings: Floats, *, averaged: bool, simulations: int, rng: np.random.Generator
) -> Floats:
    """Draw the noise of the target in every simulation, shape (n, simulations)."""
    times = (~np.isnan(trainings)).sum(axis=1)
    known = np.maximum(times, 1)
    means = np.where(np.isnan(trainings), 0, trainings).sum(axis=1) / known
    single_variance = np.sqrt(known / np.maximum(known - 1, 1))
    deviations = (trainings - means[:, None]) * single_variance[:, None]
    deviations[times < 2] = math.nan
    strata = np.argsort(np.argsort(y, kind="stable")) * STRATA // y.size
    means_of = known if averaged else np.ones_like(known)
    noise = np.empty((y.size, simulations))
    for stratum in np.unique(strata):
        pool = _known(deviations[strata == stratum])
        pool = pool if pool.size else _known(deviations)
        for m in np.unique(means_of):
            members = np.flatnonzero((strata == stratum) & (means_of == m))
            noise[members] = rng.choice(pool, (members.size, simulations, int(m))).mean(axis=2)
    return noise


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _statistics(x: Floats, y: Floats, sizes: Sequence[int]) -> list[float]:
    """Compute tau-b, rho and, of each slice, tau-b, rho and precision."""
    found = [kendall_tau_b(x, y), spearman_rho(x, y)]
    by_x, by_y = np.argsort(-x, kind="stable"), np.argsort(-y, kind="stable")
    for k in sizes:
        best: NDArray[np.int64] = by_y[:k]
        found += [kendall_tau_b(x[best], y[best]), spearman_rho(x[best], y[best])]
        found.append(np.intersect1d(best, by_x[:k]).size / k)
    return found
