"""Searches of the same networks by different scores, beside chance and an oracle."""

from __future__ import annotations

import math
from dataclasses import dataclass

from untrained.results.searches import Summary
from untrained.results.searches_paired import PairedDifference


@dataclass(frozen=True, slots=True, eq=False)
class FoundBy:
    """What one score found in all runs, on one target."""

    name: str
    values: Summary
    difference: PairedDifference | None
    """The candidate's runs minus these; None for the candidate itself."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchComparison:
    """Searches of the same number of draws on the same networks, looked up in one target."""

    space: str
    target: str
    networks: int
    """That could be drawn."""
    n: int
    """Drawn by each run."""
    found: tuple[FoundBy, ...]
    """The candidate first."""
    random: tuple[float, float]
    """Exact mean and standard deviation of one network drawn at random."""
    oracle: tuple[float, float]
    """Of the truly best of n draws."""
    higher_is_better: bool
    """Direction of the target."""

    def mean_of(self, name: str) -> float:
        """What one score found on average; NaN where it was not searched by."""
        return next((one.values.mean for one in self.found if one.name == name), math.nan)
