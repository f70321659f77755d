"""What a simulated training costs: recorded seconds, or a model of them that says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.spaces.framework.search_space import Architecture

if TYPE_CHECKING:
    from untrained.spaces.benchmarks.benchmark import Benchmark


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCost:
    """Seconds of a training and of the evaluation after it."""

    text: str
    """Where the seconds come from, for a report."""
    seconds: Callable[[Architecture, int], float]
    """Of one training, by architecture and number of epochs; the benchmark has these epochs."""
    is_known: bool = True
    """Whether a budget in seconds means anything."""


UNKNOWN_COST = TrainingCost(
    "not known for this benchmark: trainings are counted, their seconds are not",
    lambda architecture, epochs: 0.0,
    is_known=False,
)


def recorded_cost(benchmark: Benchmark, dataset: str) -> TrainingCost:
    """Read measured times: training, and one pass over the validation set.

    Args:
        benchmark: has the metrics `train_time_s` and perhaps `valid_time_s`, each over all epochs;
            a time that is missing counts 0.
    """
    has_evaluations = any(
        t.dataset == dataset and t.metric == "valid_time_s" for t in benchmark.targets()
    )
    tables: dict[tuple[str, int], dict[str, float]] = {}

    def recorded(metric: str, architecture: Architecture, epochs: int) -> float:
        if (metric, epochs) not in tables:
            table = benchmark.table(dataset=dataset, metric=metric, epochs=epochs)
            values = zip(table["architecture"], table["value"], strict=True)
            tables[metric, epochs] = dict(values)
        found = float(tables[metric, epochs].get(architecture.text, 0.0))
        return 0.0 if math.isnan(found) else found

    def seconds(architecture: Architecture, epochs: int) -> float:
        total = recorded("train_time_s", architecture, epochs)
        if has_evaluations:
            total += recorded("valid_time_s", architecture, epochs) / max(epochs, 1)
        return total

    return TrainingCost("recorded by the benchmark: training and one evaluation", seconds)
