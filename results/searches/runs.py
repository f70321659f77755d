"""Runs of a search: curves, routes on a landscape, logged series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """A sample in a few numbers; NaN where there are too few values."""

    n: int
    """Values that are not missing."""
    missing: int
    mean: float
    sd: float
    """With n - 1; NaN for fewer than two values."""
    q05: float
    q25: float
    median: float
    q75: float
    q95: float

    @property
    def standard_error(self) -> float:
        """Compute the standard error of the mean."""
        return self.sd / float(np.sqrt(self.n)) if self.n else float("nan")


def summarise(values: Sequence[float] | Floats) -> Summary:
    """Compute mean, standard deviation and quantiles (linearly interpolated).

    Args:
        values: one a run; NaN counts as missing.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    if not len(known):
        return Summary(0, len(given), *[float("nan")] * 7)
    quantiles = (float(q) for q in np.quantile(known, [0.05, 0.25, 0.5, 0.75, 0.95]))
    sd = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Summary(len(known), len(given) - len(known), float(known.mean()), sd, *quantiles)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Incumbents of runs by cost."""

    grid: Floats
    """Costs, ascending."""
    values: Floats
    """Shape (runs, costs); NaN at the costs by which not all runs have an incumbent."""


def anytime(costs: Sequence[Floats], values: Sequence[Floats], grid: Floats) -> Curve:
    """Evaluate incumbents on a common grid of costs.

    A run is a step function: at a cost, the value of its last step that had cost at most as much.
    After its end a run keeps its last value.
    """
    rows = []
    for run_costs, run in zip(costs, values, strict=True):
        places = np.searchsorted(run_costs, grid, side="right") - 1
        rows.append(np.append(run, np.nan)[places])  # place -1: before the first step
    table = np.array(rows, dtype=np.float64).reshape(len(costs), len(grid))
    table[:, np.isnan(table).any(axis=0)] = np.nan
    return Curve(grid, table)


def first_reaching(numbers: NDArray[np.int64], values: Floats, threshold: float) -> float:
    """Count the evaluations up to the first step with at least a threshold; NaN without one."""
    reached = np.flatnonzero(values >= threshold)
    return float(numbers[reached[0]]) if len(reached) else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """One height of a landscape."""

    label: str
    height: Floats
    """Rank of each network from 0 (the worst) to 1; NaN without a value. Shape (n,)."""
    explained: float
    """R² of the linear fit of these ranks on the two coordinates."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The incumbents of one run, each once where it became one."""

    label: str
    run: int
    points: Floats
    """(steps, 2)."""
    evaluations: NDArray[np.int64]
    """At which each became the incumbent."""


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Networks on a plane, several heights above it, and routes of searches across."""

    points: Floats
    """(n, 2)."""
    surfaces: tuple[Surface, ...]
    routes: tuple[Route, ...]
    decisions: int
    """Number of decisions of an architecture: the largest edit distance."""
    share: float
    """Share of the embedding's variance that lies in the plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """Series that a search logged, by evaluations: mean over runs with a band."""

    label: str
    curves: dict[str, Curve]
    """Curves by name of the series, in the order of their panels."""


@dataclass(frozen=True, slots=True, eq=False)
class Pruning:
    """Two scores of a supernet before each round of pruning it."""

    label: str
    x_name: str
    y_name: str
    runs: tuple[Floats, ...]
    """Points of each run, shape (rounds, 2): x and y."""
