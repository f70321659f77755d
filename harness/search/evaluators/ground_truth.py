"""What answers of searches are worth: looked up once they have ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.results.searches.table import Column
from untrained.spaces import Benchmark, Target
from untrained.spaces.benchmarks.benchmark import is_cost

_ORDER = ("valid_accuracy", "surrogate_accuracy", "val_loss", "test_accuracy", "test_loss")


@dataclass(frozen=True, slots=True, eq=False)
class TruthColumn:
    """One column of a benchmark."""

    target: Target
    column: Column
    values: dict[str, float]
    """By architecture; of a surrogate, those that have been asked for."""


class Truth:
    """The longest trainings of every dataset of a benchmark: validation and test."""

    def __init__(self, benchmark: Benchmark) -> None:
        """Choose the columns; costs of networks are left out."""
        self.benchmark = benchmark
        found = {
            (t.dataset, t.metric): benchmark.target(dataset=t.dataset, metric=t.metric)
            for t in benchmark.targets()
            if not is_cost(t.metric)
        }
        targets = sorted(found.values(), key=lambda t: (t.dataset, _place(t.metric), t.metric))
        self.columns = tuple(self._column(target) for target in targets)

    def main(self, dataset: str) -> int:
        """Place of the test accuracy on a dataset; else of what comes nearest; -1: none."""
        mine = [i for i, one in enumerate(self.columns) if one.target.dataset == dataset]
        tests = [i for i in mine if self.columns[i].target.metric.startswith("test_")]
        return (tests or mine or [-1])[0]

    def values(self, place: int, architectures: Iterable[str]) -> NDArray[np.float64]:
        """One column's values of some architectures; NaN where there is none."""
        one = self.columns[place]
        texts = list(architectures)
        if not self.benchmark.enumerable:
            new = [text for text in dict.fromkeys(texts) if text not in one.values]
            asked = self.benchmark.values(new, one.target)
            one.values.update((str(text), float(value)) for text, value in asked.items())
        nan = float("nan")
        return np.array([one.values.get(text, nan) for text in texts], dtype=np.float64)

    def table(self) -> pd.DataFrame | None:
        """All columns of all networks that have every one, or None for a surrogate."""
        if not self.benchmark.enumerable:
            return None
        return pd.DataFrame({i: one.values for i, one in enumerate(self.columns)}).dropna()

    def _column(self, target: Target) -> TruthColumn:
        high = self.benchmark.higher_is_better(target.metric)
        values: dict[str, float] = {}
        optimum = float("nan")
        if self.benchmark.enumerable:
            table = self.benchmark.table(target).dropna()
            values = dict(zip(table["architecture"], table["value"].astype(float), strict=True))
            optimum = float(table["value"].max() if high else table["value"].min())
        column = Column(target.dataset, target.metric, target.label, optimum, high)
        return TruthColumn(target, column, values)


def _place(metric: str) -> int:
    return _ORDER.index(metric) if metric in _ORDER else len(_ORDER)
