"""Tables of search results, exact values of simple rules, and published searches."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from untrained.results.searches.comparison import EqualCost, RandomRanks
from untrained.results.searches.pools import Pools, PoolSpread
from untrained.results.searches.runs import Curve, Floats, Landscape, Logged, Pruning, Summary
from untrained.results.searches.speed import SpeedUp
from untrained.results.statistics.correlation import CorrelationRow


def best_of_n(criterion: Floats, values: Floats, n: int) -> tuple[float, float]:
    """Compute mean and standard deviation of the value of the best of N draws with replacement.

    Sorted by the criterion, the best of N is one of the networks up to place i with probability
    (i / M)^N. Among networks of equal criterion the first drawn wins, which is each of them
    equally often. A missing criterion loses against every other.

    Args:
        criterion: what decides, larger is better; NaN is missing. Shape (M,).
        values: what is reported of the winner, without NaN. Shape (M,).
        n: number of draws, at least 1.
    """
    weights = winning_probabilities(criterion, n)
    mean = float(weights @ values)
    return mean, float(np.sqrt(weights @ (values - mean) ** 2))


def winning_probabilities(criterion: Floats, n: int) -> Floats:
    """Compute how likely each network is the best of N draws with replacement; see `best_of_n`."""
    # the best first; a missing criterion comes last, behind minus infinity
    _, group, sizes = np.unique(-criterion, return_inverse=True, return_counts=True)
    up_to = np.cumsum(sizes[::-1]) / len(criterion)
    chance = np.diff(up_to**n, prepend=0.0)[::-1]
    return np.asarray((chance / sizes)[group], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class PublishedSearch:
    """One cell of a published table: mean and standard deviation over runs."""

    method: str
    """Label in our tables: `naswot 10`, `rea`."""
    space: str
    dataset: str
    metric: str
    mean: float
    sd: float
    runs: int
    """0: the source does not say."""
    source: str
    seconds: float | None = None
    """Budget of each run; None: it had none."""
    searched_for: str = "cifar10"
    """Dataset of the search, whatever its answer is looked up on."""


@dataclass(frozen=True, slots=True)
class PublishedSearchComparison:
    """A published mean beside ours."""

    published: PublishedSearch
    mean: float
    sd: float
    runs: int
    """Number of our runs; 0: exact."""
    own_error: float
    """Standard error of our mean; 0: exact."""

    @property
    def difference(self) -> float:
        """Subtract the published mean from ours."""
        return self.mean - self.published.mean

    @property
    def standard_errors(self) -> float:
        """Divide the difference by the standard error of both means; NaN without published runs."""
        if not self.published.runs:
            return math.nan
        theirs = self.published.sd / math.sqrt(self.published.runs)
        error = math.hypot(theirs, self.own_error)
        return self.difference / error if error else math.nan


@cache
def published_searches() -> tuple[PublishedSearch, ...]:
    """Read all published searches, in the order of the file."""
    text = (files("untrained.results") / "committed" / "reference" / "searches.csv").read_text(
        "utf-8"
    )
    rows: list[dict[str, Any]] = [*csv.DictReader(text.splitlines())]
    for row in rows:
        row["mean"], row["sd"] = float(row["mean"]), float(row["sd"])
        row["runs"] = int(row["runs"] or 0)
        row["seconds"] = float(row["seconds"]) if row["seconds"] else None
    return tuple(PublishedSearch(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ground truth that answers are looked up in."""

    dataset: str
    metric: str
    label: str
    """With epochs and training seeds: `cifar10 test accuracy, 200 epochs, ...`."""
    optimum: float
    """Best value that any network of the benchmark has; NaN where that is not known."""
    higher_is_better: bool


def heading(one: Column | PublishedSearch) -> str:
    """Write dataset and metric in words."""
    return f"{one.dataset} {one.metric.replace('_', ' ')}"


@dataclass(frozen=True, slots=True, eq=False)
class SearchRow:
    """One search over its runs, or what a simple rule gives exactly."""

    label: str
    searcher: str
    """Empty for a rule."""
    values: tuple[Summary, ...]
    """One a column; of a rule, mean and standard deviation are exact and n is 0."""
    evaluations: Summary | None = None
    cost_s: Summary | None = None
    distinct: int = 0
    """Different answers among those of all runs; 0 for a rule."""
    reaching: Summary | None = None
    """Evaluations until the incumbent had 99 % of the optimum; missing: runs that never did."""
    budget: str = ""
    settings: str = ""
    facts: tuple[str, ...] = ()
    """Sources of the answers."""
    curve: Curve | None = None
    """Curve of the incumbents' values in the first column of test accuracy, by cost."""
    cost_is_known: bool = True
    pools: Pools | None = None
    """Pools of networks that the runs were divided over."""
    spreads: tuple[PoolSpread, ...] = ()
    """With pools, one a column."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchTable:
    """Some searches of one space, and simple rules beside them."""

    title: str
    space: str
    dataset: str
    """Dataset that networks were searched for."""
    benchmark: str
    sha256: str
    command: str
    seed: int
    columns: tuple[Column, ...]
    main: int
    """Place of the column that distances and curves are about; -1: there is none."""
    rows: tuple[SearchRow, ...]
    published: tuple[PublishedSearchComparison, ...]
    notes: tuple[str, ...]
    speed_ups: tuple[SpeedUp, ...] = ()
    equal_costs: tuple[EqualCost, ...] = ()
    ranks: RandomRanks | None = None
    landscape: Landscape | None = None
    logged: tuple[Logged, ...] = ()
    prunings: tuple[Pruning, ...] = ()

    def frame(self) -> pd.DataFrame:
        """Make a frame of plain numbers with one row a search and column of ground truth."""
        return pd.DataFrame(
            [
                {
                    "search": row.label,
                    "searcher": row.searcher,
                    "settings": row.settings,
                    "budget": row.budget,
                    "dataset": column.dataset,
                    "metric": column.metric,
                    **asdict(value),
                    "optimum": column.optimum,
                    "evaluations": row.evaluations.mean if row.evaluations else float("nan"),
                    "cost_s": row.cost_s.mean if row.cost_s else float("nan"),
                }
                for row in self.rows
                for column, value in zip(self.columns, row.values, strict=True)
            ]
        ).rename(columns={"n": "runs"})


@dataclass(frozen=True, slots=True)
class TriedTask:
    """One task, judged by the labelled networks."""

    number: int
    """From 1, in order."""
    parent: int
    """Number of the task that it was mutated from; 0: drawn."""
    id: str
    """Digest of the task."""
    rho: float
    """Spearman's rho of minus the loss and the accuracy; NaN where all losses are equal."""
    tau: float
    """Kendall's tau-b of the same."""
    seconds: float
    """Seconds of all its trainings, summed over networks."""
    content: str
    """The task in a line."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to rank networks, on both lots."""

    name: str
    labelled: CorrelationRow
    held_out: CorrelationRow


@dataclass(frozen=True, slots=True)
class TaskSearchTable:
    """Everything that the report of a task search shows."""

    title: str
    facts: tuple[str, ...]
    tried: tuple[TriedTask, ...]
    best: TriedTask
    num_drawn: int
    """Number of the first tasks, which were drawn at random."""
    rivals: tuple[Rival, ...]
    """The found task first."""
    notes: tuple[str, ...]


def trials_frame(tried: Sequence[TriedTask]) -> pd.DataFrame:
    """Make a frame with one row a task."""
    return pd.DataFrame([asdict(one) | {"seconds": round(one.seconds, 1)} for one in tried]).rename(
        columns={"id": "task"}
    )
