"""A table of searches with everything a reader needs to trust and repeat it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from untrained.results.searches import Curve, Summary
from untrained.results.searches_equal_cost import EqualCost
from untrained.results.searches_landscape import Landscape, Logged, Pruning
from untrained.results.searches_published import SearchComparison
from untrained.results.searches_ranks import RandomRanks
from untrained.results.searches_speed import SpeedUp


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
    reaching: Summary | None = None
    """Evaluations until the incumbent had 99 % of the optimum; missing: runs that never did."""
    budget: str = ""
    settings: str = ""
    facts: tuple[str, ...] = ()
    """Where its answers come from."""
    curve: Curve | None = None
    """Of the incumbents' values in the table's first column of test accuracy, by cost."""
    cost_is_known: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class SearchTable:
    """Some searches of one space, and simple rules beside them."""

    title: str
    space: str
    dataset: str
    """That networks were searched for."""
    benchmark: str
    sha256: str
    command: str
    seed: int
    columns: tuple[Column, ...]
    main: int
    """Place of the column that distances and curves are about; -1: there is none."""
    rows: tuple[SearchRow, ...]
    published: tuple[SearchComparison, ...]
    notes: tuple[str, ...]
    speed_ups: tuple[SpeedUp, ...] = ()
    equal_costs: tuple[EqualCost, ...] = ()
    ranks: RandomRanks | None = None
    landscape: Landscape | None = None
    logged: tuple[Logged, ...] = ()
    prunings: tuple[Pruning, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row a search and column of ground truth, plain numbers."""
        return pd.DataFrame(
            [
                {
                    "search": row.label,
                    "searcher": row.searcher,
                    "settings": row.settings,
                    "budget": row.budget,
                    "dataset": column.dataset,
                    "metric": column.metric,
                    "runs": value.n,
                    "missing": value.missing,
                    "mean": value.mean,
                    "sd": value.sd,
                    "q05": value.q05,
                    "q25": value.q25,
                    "median": value.median,
                    "q75": value.q75,
                    "q95": value.q95,
                    "optimum": column.optimum,
                    "evaluations": row.evaluations.mean if row.evaluations else float("nan"),
                    "cost_s": row.cost_s.mean if row.cost_s else float("nan"),
                }
                for row in self.rows
                for column, value in zip(self.columns, row.values, strict=True)
            ]
        )
