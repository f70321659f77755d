"""Trajectories of searches and the time they take to an accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.results.searches.runs import Floats, value_at


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The incumbents of a run and what it had cost by then."""

    cost_s: Floats
    """Seconds spent up to each step."""
    evaluations: NDArray[np.int64]
    """Evaluations made up to each step."""
    incumbents: tuple[str, ...]
    """Answer of the search, had it ended at each step."""
    series: Mapping[str, Floats] = field(hash=False)
    """Further numbers of the steps; NaN where a step has none."""
    final: str
    """The answer."""
    stopped: str
    """`finished`, or what of the budget was spent: `seconds` or `evaluations`."""
    total_s: float
    """Seconds spent in all."""
    counts: Mapping[str, int] = field(hash=False)
    """Evaluations by kind of request."""
    measured_on: str = ""
    """Device and threads of seconds that were measured; empty where none were, or nobody said."""

    @property
    def num_evaluations(self) -> int:
        """Count the evaluations of all kinds."""
        return sum(self.counts.values())

    def frame(self) -> pd.DataFrame:
        """Make a frame with one row a step: step, cost_s, evaluations, incumbent and the series."""
        return pd.DataFrame(
            {
                "step": np.arange(1, len(self.incumbents) + 1),
                "cost_s": self.cost_s,
                "evaluations": self.evaluations,
                "incumbent": list(self.incumbents),
                **self.series,
            }
        )


_GRID = 200


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """Two searches' costs of one and the same accuracy."""

    search: str
    against: str
    """Label of the search that it is compared with."""
    target: float
    """The lower of the two final medians, which both reach: an accuracy or a loss."""
    final: float
    """Median over the runs of the search at their end."""
    final_against: float
    cost_s: float
    """Seconds after which the median over the runs of the search is as good as the target."""
    cost_against_s: float
    low: float
    """Lower end of the interval of the ratio."""
    high: float
    confidence: float
    runs: int
    runs_against: int

    @property
    def ratio(self) -> float:
        """Divide the other's cost by the search's: above 1, the search is faster."""
        return self.cost_against_s / self.cost_s


def speed_up(
    labels: tuple[str, str],
    costs: tuple[Sequence[Floats], Sequence[Floats]],
    values: tuple[Sequence[Floats], Sequence[Floats]],
    *,
    higher_is_better: bool,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> SpeedUp | None:
    """Compare the medians over runs of two searches.

    At each of 200 costs, evenly spaced on a logarithmic axis between the first step and the end
    of a search, the median over its runs of the incumbents' values is taken; a run that has not
    begun counts as worst, and one that has ended keeps its last value. The target is the worse of
    the two medians at the end. The interval is that of percentiles when the runs of both are drawn
    anew, target included.

    Args:
        labels: of the search and of the one it is compared with.
        costs: of both; by run, cumulative seconds at each step.
        values: of both; by run, of the incumbent at each step.

    Returns:
        None where a search has no run, a value is missing, or a first step costs nothing.
    """
    sign = 1.0 if higher_is_better else -1.0
    pairs = [_table(c, v, sign) for c, v in zip(costs, values, strict=True)]
    if any(pair is None for pair in pairs):
        return None
    (grid, table), (other_grid, other_table) = [pair for pair in pairs if pair is not None]

    def compare(rows: Floats, other_rows: Floats) -> tuple[float, float, float, float]:
        medians, others = np.median(rows, axis=0), np.median(other_rows, axis=0)
        target = min(medians[-1], others[-1])
        first, other_first = np.argmax(medians >= target), np.argmax(others >= target)
        return medians[-1], others[-1], float(grid[first]), float(other_grid[other_first])

    final, final_other, cost_s, cost_other_s = compare(table, other_table)
    rng = np.random.default_rng(seed)
    ratios = np.empty(resamples)
    for i in range(resamples):
        drawn = table[rng.integers(len(table), size=len(table))]
        drawn_other = other_table[rng.integers(len(other_table), size=len(other_table))]
        _, _, own, other = compare(drawn, drawn_other)
        ratios[i] = other / own
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2])
    return SpeedUp(
        *labels,
        target=sign * min(final, final_other),
        final=sign * final,
        final_against=sign * final_other,
        cost_s=cost_s,
        cost_against_s=cost_other_s,
        low=float(low),
        high=float(high),
        confidence=confidence,
        runs=len(table),
        runs_against=len(other_table),
    )


def _table(
    costs: Sequence[Floats], values: Sequence[Floats], sign: float
) -> tuple[Floats, Floats] | None:
    """Compute a grid of costs, and the signed values of all runs there."""
    if not costs or any(np.isnan(run).any() or not len(run) for run in values):
        return None
    first = min(float(run[0]) for run in costs)
    last = max(float(run[-1]) for run in costs)
    if not first > 0:
        return None
    grid = np.geomspace(first, last, _GRID)
    grid[0], grid[-1] = first, last  # rounding must not put them outside
    rows = [sign * value_at(c, v, grid) for c, v in zip(costs, values, strict=True)]
    return grid, np.nan_to_num(np.array(rows), nan=-np.inf)
