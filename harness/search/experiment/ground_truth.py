"""Ground truth of the answers of searches, looked up after they have ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.results.searches.table import Column
from untrained.spaces import Benchmark, Target
from untrained.spaces.benchmarks.benchmark import is_cost

_ORDER = ("valid_accuracy", "surrogate_accuracy", "val_loss", "test_accuracy", "test_loss")


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruthColumn:
    """One column of a benchmark."""

    target: Target
    column: Column
    values: dict[str, float]
    """By architecture; of a surrogate, those that have been predicted."""


class GroundTruth:
    """Validation and test results of the longest trainings, for every data set of a benchmark."""

    def __init__(self, benchmark: Benchmark) -> None:
        """Choose the columns; costs of networks are no ground truth."""
        self.benchmark = benchmark
        found = {
            (t.dataset, t.metric): benchmark.target(dataset=t.dataset, metric=t.metric)
            for t in benchmark.targets()
            if not is_cost(t.metric)
        }
        targets = sorted(found.values(), key=lambda t: (t.dataset, _place(t.metric), t.metric))
        self.columns = tuple(self._column(target) for target in targets)

    def main(self, dataset: str) -> int:
        """Find the column of the test accuracy on a data set, else the first one; -1: none."""
        mine = [i for i, one in enumerate(self.columns) if one.target.dataset == dataset]
        tests = [i for i in mine if self.columns[i].target.metric.startswith("test_")]
        return (tests or mine or [-1])[0]

    def values(self, place: int, architectures: Iterable[str]) -> NDArray[np.float64]:
        """Look up one column for some architectures; NaN where there is no value."""
        one = self.columns[place]
        texts = list(architectures)
        if not self.benchmark.enumerable:
            new = [text for text in dict.fromkeys(texts) if text not in one.values]
            predicted = self.benchmark.values(new, one.target)
            one.values.update((str(text), float(value)) for text, value in predicted.items())
        nan = float("nan")
        return np.array([one.values.get(text, nan) for text in texts], dtype=np.float64)

    def named_values(self, architectures: Sequence[str]) -> Mapping[str, object]:
        """Look up all columns, named `DATASET METRIC`, for some architectures."""
        return {
            f"{column.target.dataset} {column.target.metric}": self.values(place, architectures)
            for place, column in enumerate(self.columns)
        }

    def table(self) -> pd.DataFrame | None:
        """Tabulate the networks that have a value in every column; None for a surrogate."""
        if not self.benchmark.enumerable:
            return None
        return pd.DataFrame({i: one.values for i, one in enumerate(self.columns)}).dropna()

    def _column(self, target: Target) -> GroundTruthColumn:
        high = self.benchmark.higher_is_better(target.metric)
        values: dict[str, float] = {}
        optimum = float("nan")
        if self.benchmark.enumerable:
            table = self.benchmark.table(target).dropna()
            found = table["value"].to_numpy(dtype=np.float64)
            # texts of Arrow are slow to iterate over one by one
            values = dict(zip(table["architecture"].to_numpy(), found.tolist(), strict=True))
            optimum = float(found.max() if high else found.min())
        column = Column(target.dataset, target.metric, target.label, optimum, high)
        return GroundTruthColumn(target, column, values)


def _place(metric: str) -> int:
    return _ORDER.index(metric) if metric in _ORDER else len(_ORDER)
