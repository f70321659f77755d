"""What a simulated training costs: recorded seconds, or a model of them that says so."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from untrained.spaces import Architecture, Benchmark

_IMAGES = {"cifar10": 25_000, "cifar100": 50_000, "imagenet16-120": 151_700}
"""Training images of the networks whose validation accuracy NAS-Bench-201 has."""
_MEAN_EPOCH_S = 9.14
_MEAN_PARAMS = 0.398554
_SLOPE_S = (10.848 - 7.221) / (0.802426 - 0.129306)
_EVALUATION_EPOCHS = 0.35


class TrainingCost(ABC):
    """Seconds of a training and of the evaluation after it."""

    text: str
    """Where they come from, for a report."""
    is_known: bool = True
    """Whether a budget in seconds means anything."""

    @abstractmethod
    def seconds(self, architecture: Architecture, epochs: int) -> float:
        """Of one training; `epochs` is one that the benchmark has."""


class RecordedCost(TrainingCost):
    """Measured times: training, and one pass over the validation set; 0 where none is recorded."""

    text = "recorded by the benchmark: training and one evaluation"

    def __init__(self, benchmark: Benchmark, dataset: str) -> None:
        """Read times of one dataset as they are asked for.

        Args:
            benchmark: has the metric `train_time_s`.
        """
        self._benchmark = benchmark
        self._dataset = dataset
        self._metrics = {t.metric for t in benchmark.targets() if t.dataset == dataset}
        self._values: dict[tuple[str, int], dict[str, float]] = {}

    def seconds(self, architecture: Architecture, epochs: int) -> float:
        """See `TrainingCost`."""
        total = self._value("train_time_s", architecture, epochs)
        if "valid_time_s" in self._metrics:
            total += self._value("valid_time_s", architecture, epochs) / max(epochs, 1)
        return total

    def _value(self, metric: str, architecture: Architecture, epochs: int) -> float:
        values = self._values.get((metric, epochs))
        if values is None:
            table = self._benchmark.table(dataset=self._dataset, metric=metric, epochs=epochs)
            values = dict(zip(table["architecture"], table["value"], strict=True))
            self._values[metric, epochs] = values
        seconds = float(values.get(architecture.text, 0.0))
        return 0.0 if math.isnan(seconds) else seconds


class ModelledCost(TrainingCost):
    """A model of NAS-Bench-201's training times from published ones, for tables without them.

    An epoch of the 25,000 training images of CIFAR-10's validation split took 9.14 s on average
    over 15,000 of the architectures (computed through the benchmark's own interface; public code
    of Mirofil/SOTL_NAS). Two printed answers of that interface give the slope: 10.848 s at 0.8024
    million parameters and 7.221 s at 0.1293. One evaluation took 0.346 and 0.353 of an epoch
    there. Hence, for E epochs and P million parameters,

        seconds = (E + 0.35) (9.14 + 5.39 (P - 0.3986)) n / 25,000

    n is the number of training images. That other datasets differ by it alone is how the authors'
    own search script estimates times (25,000, 50,000 and 151,700 images; AutoDL-Projects,
    NAS-Bench-201-algos/R_EA.py), and agrees with the budgets of 20,000, 40,000 and 120,000 s in
    their script for NATS-Bench. Twelve epochs on CIFAR-10 are 112.9 s on average, so that 12,000 s
    buy 106 trainings.
    """

    text = (
        "MODELLED, not recorded: the table has no training times; an epoch is 9.14 s on average "
        "(published mean), 5.39 s more a million parameters, and an evaluation 0.35 epochs"
    )

    def __init__(self, benchmark: Benchmark, dataset: str) -> None:
        """Read sizes.

        Args:
            benchmark: a table of NAS-Bench-201 with the metric `params_millions`.
        """
        table = benchmark.table(dataset="cifar10", metric="params_millions")
        scale = _IMAGES[dataset] / _IMAGES["cifar10"]
        self._epoch_s = {
            text: scale * (_MEAN_EPOCH_S + _SLOPE_S * (float(params) - _MEAN_PARAMS))
            for text, params in zip(table["architecture"], table["value"], strict=True)
        }

    def seconds(self, architecture: Architecture, epochs: int) -> float:
        """See `TrainingCost`."""
        return (epochs + _EVALUATION_EPOCHS) * self._epoch_s[architecture.text]


class UnknownCost(TrainingCost):
    """No times: trainings are counted and cost nothing."""

    text = "not known for this benchmark: trainings are counted, their seconds are not"
    is_known = False

    def seconds(self, architecture: Architecture, epochs: int) -> float:
        """Zero."""
        del architecture, epochs
        return 0.0


def training_cost(benchmark: Benchmark, dataset: str) -> TrainingCost:
    """Recorded times where the benchmark has them, a model for NAS-Bench-201, else none."""
    metrics = {t.metric for t in benchmark.targets() if t.dataset == dataset}
    if "train_time_s" in metrics and benchmark.enumerable:
        return RecordedCost(benchmark, dataset)
    sized = {t.metric for t in benchmark.targets() if t.dataset == "cifar10"}
    if (
        benchmark.space == "nasbench201"
        and dataset in _IMAGES
        and "params_millions" in sized
        and benchmark.enumerable
    ):
        return ModelledCost(benchmark, dataset)
    return UnknownCost()
