"""The noise ceiling: how well one training run of the same architectures ranks another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from untrained.results.bootstrap import Resampling
from untrained.results.correlation import correlate_rankings
from untrained.results.population import Population, check_unique
from untrained.results.rankings import Rankings
from untrained.results.top import FRACTIONS, TopSlice
from untrained.results.top_ranking import top_rankings


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One column of truth, taken as if it were an indicator's scores, against another.

    The two differ by the noise of both. A perfect prediction of what training gives on average
    would differ from `second` by the noise of one, so an indicator may lie somewhat above; one that
    lies far above has been fitted to `second`. A mean over training seeds is less noisy than one
    seed, and so is its ceiling higher.
    """

    first: str
    """What plays the indicator, in words: `cifar10 test accuracy, seed 1`."""
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


def noise_ceiling(
    first: pd.Series[float],
    second: pd.Series[float],
    *,
    names: tuple[str, str],
    target: pd.Series[float] | None = None,
    resampling: Resampling | None = None,
    fractions: Sequence[float] = FRACTIONS,
) -> Ceiling:
    """How well one column of truth ranks the architectures by another one.

    Args:
        first: true values, larger is better, indexed by architecture; NaN where there is none.
        second: the same of another training seed, or of another metric.
        names: of `first` and `second`, in words.
        target: the values by which a table's top slices are cut, larger is better, so that the
            ceiling is that of the same slices: a mean over seeds, say. None: `second`.
        resampling: how intervals are made.
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
        first=names[0],
        second=names[1],
        n=row.n,
        tau=row.tau,
        tau_low=row.tau_low,
        tau_high=row.tau_high,
        rho=row.rho,
        rho_low=row.rho_low,
        rho_high=row.rho_high,
        slices=top[name].slices,
    )
