"""Trajectories of searches and the time they take to an accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.results.searches.runs import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The incumbents of a run and what it had cost by then."""

    cost_s: Floats
    """Seconds spent up to each step."""
    evaluations: NDArray[np.int64]
    """Evaluations made up to each step."""
    incumbents: tuple[str, ...]
    """Answer of the search, had it ended at each step; of steps that no evaluation lies between,
    such as those that list a front, only the last is an answer."""
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
    pool: int = 0
    """Number of the pool of networks that was searched, from 1; 0: there are no pools."""

    @property
    def num_evaluations(self) -> int:
        """Count the evaluations of all kinds."""
        return sum(self.counts.values())

    def answers(self) -> Trajectory:
        """Keep the last step after each evaluation, whose incumbent is what the search returns."""
        last = np.diff(self.evaluations, append=self.evaluations[-1:] + 1) > 0
        return replace(
            self,
            cost_s=self.cost_s[last],
            evaluations=self.evaluations[last],
            incumbents=tuple(compress(self.incumbents, last)),
            series={name: values[last] for name, values in self.series.items()},
        )

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


def with_common_series(runs: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
    """Give all runs of a search the series that any of them has a value of, NaN where it has none.

    Series without any value are left out: a table of steps does not tell them from those of other
    searches.
    """
    names = sorted(
        {name for run in runs for name, values in run.series.items() if not np.isnan(values).all()}
    )
    return tuple(
        replace(
            run,
            series={
                name: run.series.get(name, np.full(len(run.incumbents), np.nan)) for name in names
            },
        )
        for run in runs
    )


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """Two searches' costs of one and the same accuracy."""

    search: str
    against: str
    """Label of the search that it is compared with."""
    share: float
    """Of the optimum: 0.99 for the level that is 1 % from it."""
    level: float
    """The accuracy, or loss, that is to be reached."""
    cost_s: float
    """Seconds after which half of the runs have the level for good; NaN if they never have."""
    cost_against_s: float
    low: float
    """Lower end of the interval of the ratio: 0 where a resample of the search never has the level,
    infinite where one of the other never has it, NaN where there are resamples of neither."""
    high: float
    confidence: float
    runs: int
    runs_against: int

    @property
    def ratio(self) -> float:
        """Divide the other's cost by the search's: above 1, the search is faster."""
        return self.cost_against_s / self.cost_s


def speed_ups(
    labels: tuple[str, str],
    costs: tuple[Sequence[Floats], Sequence[Floats]],
    values: tuple[Sequence[Floats], Sequence[Floats]],
    levels: Mapping[float, float],
    *,
    higher_is_better: bool,
    pools: tuple[int, int] = (0, 0),
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[SpeedUp, ...]:
    """Compare the seconds that two searches take to fixed levels.

    A run has a level for good from the step on after which none of its incumbents is worse. A
    search may pass a level and leave it again, as one does whose scores mislead it; what it found
    in between it does not return, and the level is not reached. Levels that come from the searches
    themselves, such as the lower of two final medians, would be easy ones for a bad search.

    The cost of a search is the median over its runs, infinite for runs that never reach the level.
    The interval is that of percentiles when the runs of both are drawn anew.

    Args:
        labels: of the search and of the one it is compared with.
        costs: of both; by run, cumulative seconds at each step.
        values: of both; by run, of the incumbent at each step.
        levels: accuracies or losses by their share of the optimum.
        pools: numbers of pools of both, over which run r is on pool r modulo the number; then pools
            are drawn anew with all their runs. 0: runs are.

    Returns:
        One comparison a level that at least one of the two reaches in half of its runs; none where
        a search has no run, a value is missing, or a first step costs nothing.
    """
    sign = 1.0 if higher_is_better else -1.0
    for run_costs, run_values in zip(costs, values, strict=True):
        if not run_costs or any(not len(run) or np.isnan(run).any() for run in run_values):
            return ()
        if not min(float(run[0]) for run in run_costs) > 0:
            return ()
    rng = np.random.default_rng(seed)
    draws = [
        _resampled(len(runs), number, resamples, rng)
        for runs, number in zip(costs, pools, strict=True)
    ]
    found = []
    for share, level in levels.items():
        times = [
            np.array([_for_good(c, sign * v, sign * level) for c, v in zip(*pair, strict=True)])
            for pair in zip(costs, values, strict=True)
        ]
        own, other = map(_median, times)
        if np.isinf(own) and np.isinf(other):
            continue
        drawn, drawn_other = (
            np.array([_median(one[draw]) for draw in rows])
            for one, rows in zip(times, draws, strict=True)
        )
        with np.errstate(invalid="ignore"):  # a level that neither resample reaches
            ratios = drawn_other / drawn
        ends = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(ratios, ends, method="inverted_cdf")
        found.append(
            SpeedUp(
                *labels,
                share=share,
                level=level,
                cost_s=own if np.isfinite(own) else np.nan,
                cost_against_s=other if np.isfinite(other) else np.nan,
                low=float(low),
                high=float(high),
                confidence=confidence,
                runs=len(costs[0]),
                runs_against=len(costs[1]),
            )
        )
    return tuple(found)


def _resampled(
    runs: int, pools: int, resamples: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw numbers of runs with replacement, one by one or by whole pools."""
    if not pools:
        return list(rng.integers(runs, size=(resamples, runs)))
    of_pool = [np.arange(first, runs, pools) for first in range(min(pools, runs))]
    drawn = rng.integers(len(of_pool), size=(resamples, len(of_pool)))
    return [np.concatenate([of_pool[place] for place in row]) for row in drawn]


def _for_good(costs: Floats, values: Floats, level: float) -> float:
    """Find the cost from which on no value is below a level; infinite without one."""
    below = np.flatnonzero(values < level)
    first = int(below[-1]) + 1 if len(below) else 0
    return float(costs[first]) if first < len(values) else float("inf")


def _median(times: Floats) -> float:
    """Compute the lower median, which half of the runs are within."""
    return float(np.sort(times)[(times.size - 1) // 2])
