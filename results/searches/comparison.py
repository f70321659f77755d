"""Comparison of searches: ranks, pairs, equal cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from untrained.results.searches.runs import Floats, Summary


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """Answer of one run."""

    search: str
    run: int
    architecture: str
    genotype: str
    """Genotype as Python text that other tools read; empty if the space has none."""
    value: float
    rank: int
    """1: better than all random networks. Random networks of equal value count as better."""


@dataclass(frozen=True, slots=True)
class RandomRanks:
    """Random networks of a space, and answers among them."""

    random: Summary
    best: float
    answers: tuple[RankedAnswer, ...]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of first minus second over runs that come in pairs.

    The interval is about the draws of the searches, not about other networks: it narrows with the
    number of runs, whatever the number of networks.
    """

    runs: int
    """Pairs in which both found something."""
    mean: float
    low: float
    high: float


def paired_difference(first: Floats, second: Floats) -> PairedDifference:
    """Compute the mean difference and its normal interval of 95 %.

    Args:
        first: one value a run; NaN where it found nothing.

    Returns:
        NaN for what fewer than two pairs do not tell.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    known = differences[~np.isnan(differences)]
    nan = float("nan")
    if not known.size:
        return PairedDifference(0, nan, nan, nan)
    mean = float(known.mean())
    if known.size < 2:
        return PairedDifference(1, mean, nan, nan)
    half = float(ndtri(0.975) * known.std(ddof=1) / np.sqrt(known.size))
    return PairedDifference(known.size, mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True, eq=False)
class FoundBy:
    """Answers by one score in all runs, on one target."""

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
    """Number of networks that could be drawn."""
    n: int
    """Drawn by each run."""
    found: tuple[FoundBy, ...]
    """The candidate first."""
    random: tuple[float, float]
    """Exact mean and standard deviation of one network drawn at random."""
    oracle: tuple[float, float]
    """Mean and standard deviation of the truly best of n draws."""
    higher_is_better: bool
    """Direction of the target."""


@dataclass(frozen=True, slots=True)
class EqualCost:
    """Mean answer of a search, and of random search at equal cost."""

    search: str
    found: Summary
    """Mean of the search over its runs."""
    cost_s: float
    """Mean over the runs."""
    n: int
    """Networks that may be drawn for it, at least one."""
    price_s: float
    """Mean or median seconds of evaluating one."""
    mean: float
    """Mean value of the best of the draws."""
    sd: float
    """Standard deviation of one such random search."""
    simulated: int
    """Number of random searches of the mean; 0: exact."""
    criterion: str
    """Criterion that chooses among the draws."""
    pools_error: float | None = None
    """Standard error of the difference by pools, in each of which both draw; None: no pools."""

    @property
    def difference(self) -> float:
        """Subtract the mean of random search from the search's mean."""
        return self.found.mean - self.mean

    @property
    def standard_errors(self) -> float:
        """Divide the difference by the standard error of both means together."""
        if self.pools_error is not None:
            return self.difference / self.pools_error if self.pools_error else math.nan
        own = self.sd / math.sqrt(self.simulated) if self.simulated else 0.0
        error = math.hypot(self.found.standard_error, own)
        return self.difference / error if error else math.nan
