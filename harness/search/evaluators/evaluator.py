"""Evaluators answer the requests of searchers; the tabular one and trainings are look-ups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from untrained.foundation import MissingData, UnknownName, UserError
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    Answer,
    CostlyRequest,
    Gradient,
    Score,
    Scored,
    ScoredSupernet,
    ScoreSupernet,
    SupernetGradient,
    Train,
    Trained,
)
from untrained.spaces import Architecture, Benchmark, Target, TrainingCost


class Evaluator(ABC):
    """Answers requests item by item. An evaluator has no test accuracies, so it gives none."""

    problem: Problem
    """The part of the evaluator that searchers see."""
    measured_on: str = ""
    """Device and threads of the seconds that it measures; empty where it looks costs up."""
    trainings: Trainings | None = None
    """Looks trainings up; None: there are none."""

    @abstractmethod
    def score(self, architecture: Architecture) -> Scored:
        """Return the scores of one network."""

    def score_draws(self, architecture: Architecture, draws: int) -> Scored:
        """Return the scores of one network with several draws of the weights.

        Raises:
            UserError: this evaluator has one draw alone.
        """
        raise UserError(
            f"cannot score {architecture} with {draws} draws of the weights: only one is at hand. "
            "Set draws=1."
        )

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Return the validation accuracy of one network; 0 epochs are the shortest training.

        Raises:
            UserError: there is no benchmark, or none of that length of training.
        """
        if self.trainings is None:
            raise UserError("the search asks for trainings, but no benchmark is at hand")
        return self.trainings.train(architecture, epochs)

    def score_supernet(self, mask: str, draw: int) -> ScoredSupernet:
        """Return the scores of one restricted supernet.

        Raises:
            UserError: this evaluator has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        """Return an objective of the supernet and its gradient.

        Raises:
            UserError: this evaluator has no supernet.
        """
        raise UserError(_no_supernet(self.problem.space.name))

    def prepare(self, request: CostlyRequest) -> None:  # noqa: B027 - most evaluators need not
        """Receive a whole request before its items are evaluated one by one."""

    @abstractmethod
    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return the cost of one item of a request in seconds; None if not known in advance."""

    def answer(self, request: CostlyRequest, item: Any) -> Answer:
        """Answer one item of a request."""
        match request:
            case Score():
                one = request.draws == 1
                return self.score(item) if one else self.score_draws(item, request.draws)
            case Train():
                return self.train(item, request.epochs)
            case ScoreSupernet():
                return self.score_supernet(item, request.draw)
            case SupernetGradient():
                return self.supernet_gradient(request)


def _no_supernet(space: str) -> str:
    return (
        f"the search measures a supernet of {space!r}, which cannot be read off stored scores; "
        "leave out --scores, so that it is measured as the search goes"
    )


class TabularEvaluator(Evaluator):
    """Looks scores and trainings up; each costs what it cost when it was measured."""

    def __init__(
        self,
        problem: Problem,
        *,
        scores: Mapping[str, Sequence[float]] | None = None,
        score_cost_s: float = 0.0,
        trainings: Trainings | None = None,
        draws: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ) -> None:
        """Index the scores.

        Args:
            scores: by architecture, one per indicator of the problem's estimator.
            score_cost_s: seconds of one network's scores.
            draws: by architecture, as `scores` for each draw of the weights.
        """
        self.problem = problem
        self.trainings = trainings
        self._score_cost_s = score_cost_s
        self._draws = draws or {}
        self._scored: dict[str, Scored] = {}
        for text, values in (scores or {}).items():
            assert problem.estimator is not None, "scores come with an estimator"
            architecture = Architecture(problem.space.name, text)
            self._scored[text] = Scored(
                architecture, tuple(values), problem.estimator.oriented(values), score_cost_s
            )

    def score(self, architecture: Architecture) -> Scored:
        """Return the stored scores.

        Raises:
            MissingData: the network has not been scored.
        """
        try:
            return self._scored[architecture.text]
        except KeyError:
            raise MissingData(
                f"the search asks for the scores of {architecture}, which is none of the "
                f"{len(self._scored):,} scored networks; score the whole space, leave out --scores "
                "to score as the search goes, or take a searcher that only draws (random)"
            ) from None

    def score_draws(self, architecture: Architecture, draws: int) -> Scored:
        """Return the stored scores of the first draws.

        Raises:
            MissingData: the network has not been scored so often.
        """
        found = tuple(map(tuple, self._draws.get(architecture.text, ())))[:draws]
        if len(found) < draws:
            raise MissingData(
                f"the search asks for {draws} draws of the scores of {architecture}, of which "
                f"{len(found)} are stored. Score further seeds (untrained score --seeds), or set "
                "fewer draws."
            )
        values = tuple(sum(of_one) / draws for of_one in zip(*found, strict=True))
        assert self.problem.estimator is not None, "scores come with an estimator"
        oriented = self.problem.estimator.oriented(values)
        return Scored(architecture, values, oriented, draws * self._score_cost_s, found)

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return the stored cost."""
        match request:
            case Score():
                return request.draws * self._score_cost_s
            case Train():
                return self.train(item, request.epochs).cost_s
        return None


VALIDATION_METRICS = ("valid_accuracy", "surrogate_accuracy", "val_loss")
"""Metrics that count as validation accuracy, in order of preference; a loss is negated."""


class Trainings:
    """The validation accuracy and the cost of every network after each length of training."""

    def __init__(self, benchmark: Benchmark, dataset: str | None) -> None:
        """Choose the metric on a dataset, by default that of the benchmark's default target.

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
        """Return the benchmark's column of one of `lengths`, or of the shortest (0).

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
