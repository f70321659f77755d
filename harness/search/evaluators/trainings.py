"""Simulated trainings: validation accuracies of a benchmark, and the seconds they cost."""

from __future__ import annotations

from functools import cached_property

from untrained.foundation import MissingData, UnknownName, UserError
from untrained.harness.search.requests import Trained
from untrained.spaces import Architecture, Benchmark, Target, TrainingCost

VALIDATION_METRICS = ("valid_accuracy", "surrogate_accuracy", "val_loss")
"""Metrics that count as validation accuracy, in order of preference; a loss is negated."""


class Trainings:
    """The validation accuracy and the cost of every network after each length of training."""

    def __init__(self, benchmark: Benchmark, dataset: str | None) -> None:
        """Choose the metric.

        Args:
            dataset: one of its datasets; by default that of its default target.

        Raises:
            UnknownName: the benchmark has no such dataset.
            UserError: the benchmark has no validation accuracy there.
        """
        self.benchmark = benchmark
        self.dataset = dataset or benchmark.default_target.dataset
        here = [t for t in benchmark.targets() if t.dataset == self.dataset]
        if not here:
            known = {t.dataset for t in benchmark.targets()}
            raise UnknownName(f"dataset of {benchmark.name}", self.dataset, known)
        metric = next((m for m in VALIDATION_METRICS if any(t.metric == m for t in here)), None)
        if metric is None:
            metrics = ", ".join(sorted({t.metric for t in here}))
            raise UserError(
                f"the search asks for validation accuracies on {self.dataset!r}, but the benchmark "
                f"{benchmark.name!r} has none there, only {metrics}; test accuracies are "
                "kept from searches: search by scores, or take another benchmark or dataset"
            )
        self.metric = metric
        self._sign = 1.0 if benchmark.higher_is_better(metric) else -1.0
        self.lengths = tuple(sorted({t.epochs for t in here if t.metric == metric}))
        """Numbers of epochs, ascending."""
        self._targets: dict[int, Target] = {}
        self._values: dict[int, dict[str, float]] = {}
        self._trained: dict[tuple[str, int], Trained] = {}

    @cached_property
    def cost(self) -> TrainingCost:
        """The seconds of trainings."""
        return self.benchmark.training_cost(self.dataset)

    def target(self, epochs: int) -> Target:
        """Return the benchmark's column of a length of training.

        Args:
            epochs: one of `lengths`; 0 for the shortest.

        Raises:
            UserError: the benchmark did not train that long.
        """
        if epochs not in self._targets:
            self._targets[epochs] = self.benchmark.target(
                dataset=self.dataset, metric=self.metric, epochs=epochs or self.lengths[0]
            )
        return self._targets[epochs]

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Look a training up; `epochs` and errors as in `target`."""
        key = architecture.text, epochs
        if key not in self._trained:
            length = self.target(epochs).epochs
            accuracy = self.accuracy(architecture, epochs)
            seconds = self.cost.seconds(architecture, length)
            self._trained[key] = Trained(architecture, accuracy, seconds)
        return self._trained[key]

    def accuracy(self, architecture: Architecture, epochs: int) -> float:
        """Look an accuracy up: larger is better, NaN if missing; `epochs` as in `target`."""
        values = self._values.setdefault(epochs, {})
        text = architecture.text
        if not values and self.benchmark.enumerable:
            table = self.benchmark.table(self.target(epochs))
            values.update(zip(table["architecture"], self._sign * table["value"], strict=True))
        elif text not in values and not self.benchmark.enumerable:
            values[text] = self._sign * float(
                self.benchmark.values([text], self.target(epochs)).iloc[0]
            )
        return values.get(text, float("nan"))

    def known(self, epochs: int) -> list[str]:
        """List the networks that have an accuracy, in the benchmark's order.

        Raises:
            MissingData: no network has one.
        """
        table = self.benchmark.table(self.target(epochs)).dropna(subset="value")
        if table.empty:
            raise MissingData(f"{self.benchmark.name} knows no network by {self.metric}")
        return [str(text) for text in table["architecture"]]
