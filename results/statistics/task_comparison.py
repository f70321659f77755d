"""Comparison of indicators over many tasks by Friedman's test and Nemenyi's difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """Average ranks of k indicators over N tasks.

    Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.
    """

    indicators: tuple[str, ...]
    """Best average rank first."""
    average_ranks: tuple[float, ...]
    """1 is best; ties share the mean of their ranks."""
    tasks: tuple[str, ...]
    """Those for which every indicator has a value."""
    tasks_left_out: tuple[str, ...]
    """Those for which one is missing."""
    statistic: float
    """Friedman's chi-squared, corrected for ties."""
    p: float
    """Of a chi-squared distribution with k - 1 degrees of freedom."""
    confidence: float
    critical_difference: float
    """Nemenyi: average ranks that differ by less are not told apart."""
    cliques: tuple[tuple[str, ...], ...]
    """Maximal groups of two or more neighbours that differ by less than the critical difference:
    the bars of the diagram."""


def compare_over_tasks(quality: pd.DataFrame, *, confidence: float = 0.95) -> TaskComparison:
    """Compare indicators by Friedman's test and Nemenyi's critical difference.

    With average ranks R_j of k indicators over N tasks, and groups of t tied indicators,

        chi2 = (12 / (N k (k + 1)) sum_j (N R_j)^2 - 3 N (k + 1)) / c
        c    = 1 - sum (t^3 - t) / (N (k^3 - k))
        CD   = q sqrt(k (k + 1) / (6 N)),

    q the quantile of the studentized range of k values with infinite degrees of freedom over
    sqrt(2). Tasks count as independent: several data sets of one search space are not quite.

    Args:
        quality: one row a task, one column an indicator, larger is better (tau, say); NaN where
            an indicator has none.
        confidence: of the critical difference, in (0, 1).

    Returns:
        The comparison over the tasks for which every indicator has a value.

    Raises:
        ValueError: there are fewer than two indicators or no complete task, or the confidence is
            out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, as in 0.95")
    complete = quality.dropna()
    k, n = complete.shape[1], complete.shape[0]
    if k < 2 or n < 1:
        raise ValueError(
            f"a comparison over tasks needs two indicators with a value for the same task; there "
            f"are {k} indicators and {n} tasks that all have, of {len(quality)}"
        )
    # by name first: what is equal comes in a fixed order
    complete = complete[sorted(complete.columns)]
    ranks = scipy.stats.rankdata(-complete.to_numpy(dtype=np.float64), axis=1)
    average = ranks.mean(axis=0)
    order = np.argsort(average, kind="stable")
    statistic = _friedman(ranks)
    difference = critical_difference(k, n, confidence=confidence)
    names = tuple(str(complete.columns[i]) for i in order)
    in_order = tuple(float(average[i]) for i in order)
    return TaskComparison(
        indicators=names,
        average_ranks=in_order,
        tasks=tuple(str(task) for task in complete.index),
        tasks_left_out=tuple(str(task) for task in quality.index.difference(complete.index)),
        statistic=statistic,
        p=float(scipy.stats.chi2.sf(statistic, k - 1)),
        confidence=confidence,
        critical_difference=difference,
        cliques=tuple(names[low:high] for low, high in _cliques(in_order, difference)),
    )


def critical_difference(num_indicators: int, num_tasks: int, *, confidence: float) -> float:
    """Compute Nemenyi's: average ranks must differ by at least this to be told apart."""
    q = scipy.stats.studentized_range.ppf(confidence, num_indicators, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(num_indicators * (num_indicators + 1) / (6 * num_tasks)))


def _friedman(ranks: NDArray[np.float64]) -> float:
    """Compute chi-squared of ranks (tasks, indicators); NaN where every task ties all of them.

    (k - 1) sum_j (sum_i d_ij)^2 / sum_ij d_ij^2, d the ranks minus their mean (k + 1) / 2: the
    number that `scipy.stats.friedmanchisquare` gives, which needs three indicators.
    """
    deviations = ranks - (ranks.shape[1] + 1) / 2
    total = float((deviations**2).sum())
    between = float((deviations.sum(axis=0) ** 2).sum())
    return (ranks.shape[1] - 1) * between / total if total else math.nan


def _cliques(average: tuple[float, ...], difference: float) -> list[tuple[int, int]]:
    """Find maximal runs [low, high) of average ranks that differ by less than the difference."""
    found: list[tuple[int, int]] = []
    for low in range(len(average)):
        high = low + 1
        while high < len(average) and average[high] - average[low] < difference:
            high += 1
        if high - low > 1 and (not found or high > found[-1][1]):
            found.append((low, high))
    return found
