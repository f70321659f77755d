"""Which indicators differ over many tasks: Friedman's test and Nemenyi's critical difference."""

from __future__ import annotations

from dataclasses import dataclass


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
