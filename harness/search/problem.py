"""The problem that a searcher is given."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MissingData, UnknownName, UserError
from untrained.harness.data.datasets import find_dataset
from untrained.harness.search.decisions import decisions_of, has_decisions
from untrained.harness.search.domain import Cost, Domain
from untrained.harness.search.requests import Evaluation, Request, Scored, Trained, evaluate
from untrained.harness.search.supernet.estimator import Estimator
from untrained.indicators import Protocol
from untrained.spaces import Architecture, Benchmark, SearchSpace, Target
from untrained.spaces.framework.product_space import Decisions

_DRAWS = 1000
_SIZE = Protocol()
"""That networks have where nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One search space, the estimator and the part of the space that is open to the search."""

    domain: Domain
    dataset: str
    """What the networks are for."""
    estimator: Estimator | None = None
    """What scores mean; None where a search asks for none."""
    costs: Mapping[str, Cost] = field(default_factory=lambda: MappingProxyType({}))
    """By name, those that the searcher's settings name."""

    by: str = "scores"
    """Objective of searchers that can use either, `scores` or `accuracy`."""
    epochs: int = 0
    """Length of a training; 0 is the shortest that the benchmark has."""

    def evaluate(
        self, architectures: Sequence[Architecture]
    ) -> Generator[Request, Any, list[Evaluation]]:
        """Ask for scores or for trainings, as the problem says."""
        return evaluate(architectures, by=self.by, epochs=self.epochs)

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.domain.space

    @property
    def decisions(self) -> Decisions:
        """The space as a product of decisions.

        Raises:
            UserError: it is none.
        """
        return decisions_of(self.space)

    def cost(self, name: str) -> Cost:
        """A size or a measured cost of networks; without more, their number of parameters.

        Raises:
            UserError: it is not known here.
        """
        if name in self.costs:
            return self.costs[name]
        if name != "params":
            raise UserError(
                f"the cost {name!r} of networks was asked for, and only "
                f"{', '.join(sorted({*self.costs, 'params'}))} is known here"
            )
        space, dataset = self.space, find_dataset(self.dataset)
        return lambda arch: float(
            space.num_parameters(
                arch,
                num_classes=dataset.num_classes,
                channels=_SIZE.channels,
                cells=_SIZE.cells,
                in_channels=dataset.channels,
            )
        )

    def sample(self, rng: np.random.Generator) -> Architecture:
        """One network, drawn uniformly."""
        return self.domain.sample(rng)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A network next to one, drawn uniformly."""
        return self.domain.mutate(architecture, rng)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All networks next to one, in a fixed order."""
        return self.domain.neighbors(architecture)

    def redraw(
        self, architecture: Architecture, rng: np.random.Generator, rate: float
    ) -> Architecture:
        """Draw each decision anew with a probability; `mutate` where that is not possible.

        It is not where the space is no product of decisions or the search is confined. A network
        that breaks a limit is drawn again, and after many draws `mutate` answers.
        """
        if has_decisions(self.space) and not self.domain.confined:
            for _ in range(_DRAWS):
                drawn = self.decisions.redraw(architecture, rng, rate)
                if self.domain.admits(drawn):
                    return drawn
        return self.mutate(architecture, rng)

    def admitted(self, draw: Callable[[], Architecture]) -> Architecture:
        """The first of some draws that is open to the search.

        A search that is confined and proposes only networks outside gets the nearest of those
        inside to the last one proposed, the first of equally near ones.

        Raises:
            UserError: none of many keeps the limits.
        """
        drawn = draw()
        for _ in range(_DRAWS):
            if self.domain.holds(drawn):
                return drawn
            drawn = draw()
        if self.domain.confined and (nearby := self.domain.neighbors(drawn)):
            return nearby[0]
        raise UserError(
            f"none of {_DRAWS:,} networks that the searcher proposed keeps the limits "
            f"{', '.join(f'{one.name} <= {one.at_most:g}' for one in self.domain.limits)}; raise "
            "them, or take a searcher that mutates (evolution)"
        )

    def fitness(self, evaluations: Sequence[Evaluation]) -> NDArray[np.float64]:
        """How good some evaluated networks are beside each other; larger is better.

        Accuracies, a single indicator's scores in their direction, or the aggregate of several
        indicators among exactly these networks.

        Args:
            evaluations: all `Trained`, or all `Scored`.

        Returns:
            One number each; NaN where a score or accuracy is missing.
        """
        trained = [one.accuracy for one in evaluations if isinstance(one, Trained)]
        if trained:
            return np.array(trained, dtype=np.float64)
        if not evaluations:
            return np.empty(0)
        assert self.estimator is not None, "scores come with an estimator"
        return self.estimator.fitness([one for one in evaluations if isinstance(one, Scored)])

    def best(self, evaluations: Sequence[Evaluation]) -> int:
        """Place of the best; of equal ones the first, and the first of all if none has a value."""
        fitness = self.fitness(evaluations)
        return 0 if np.isnan(fitness).all() else int(np.nanargmax(fitness))


class History:
    """Evaluated networks in order; of equally good ones the first is the best.

    Where scores are an aggregate that depends on its candidates, the candidates are all networks
    of the history, so that an earlier one may become the best again.
    """

    def __init__(self, problem: Problem) -> None:
        """Start empty; `problem` compares the evaluations."""
        self.evaluations: list[Evaluation] = []
        self._problem = problem
        self._best: Evaluation | None = None

    def add(self, evaluation: Evaluation) -> None:
        """Append one."""
        self.evaluations.append(evaluation)
        if self._best is None:
            self._best = evaluation
            return
        candidates = self.evaluations if self._is_relative() else [self._best, evaluation]
        self._best = candidates[self._problem.best(candidates)]

    @property
    def best(self) -> Evaluation:
        """The best; the first where none has a value."""
        assert self._best is not None, "nothing has been evaluated"
        return self._best

    def latest_value(self) -> float:
        """What the last network is worth to a learner; NaN if it has no value.

        An aggregate of ranks is taken among all networks so far and divided by their number, so
        that it does not grow with the history.
        """
        if self._is_relative():
            return float(self._problem.fitness(self.evaluations)[-1] / len(self.evaluations))
        return float(self._problem.fitness(self.evaluations[-1:])[0])

    def _is_relative(self) -> bool:
        estimator = self._problem.estimator
        return (
            isinstance(self.evaluations[-1], Scored)
            and estimator is not None
            and estimator.is_relative
        )


METRICS = ("valid_accuracy", "surrogate_accuracy", "val_loss")
"""What counts as validation accuracy, the first that there is; a loss with its sign turned."""


class Validation:
    """The validation accuracy of every network after each length of training."""

    def __init__(self, benchmark: Benchmark, dataset: str | None) -> None:
        """Choose the metric.

        Args:
            dataset: one of its datasets; by default that of its default target.

        Raises:
            UnknownName: the benchmark has no such dataset.
            UserError: it has no validation accuracy there.
        """
        self.benchmark = benchmark
        self.dataset = dataset or benchmark.default_target.dataset
        here = [t for t in benchmark.targets() if t.dataset == self.dataset]
        if not here:
            known = {t.dataset for t in benchmark.targets()}
            raise UnknownName(f"dataset of {benchmark.name}", self.dataset, known)
        metric = next((m for m in METRICS if any(t.metric == m for t in here)), None)
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
        self._values: dict[int, dict[str, float]] = {}

    def target(self, epochs: int) -> Target:
        """The column that is read.

        Args:
            epochs: one of `lengths`; 0 for the shortest.

        Raises:
            UserError: the benchmark did not train that long.
        """
        return self.benchmark.target(
            dataset=self.dataset, metric=self.metric, epochs=epochs or self.lengths[0]
        )

    def accuracy(self, architecture: Architecture, epochs: int) -> float:
        """Larger is better; NaN where the benchmark has none.

        Args:
            epochs: one of `lengths`; 0 for the shortest.

        Raises:
            UserError: the benchmark did not train that long.
        """
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
        """The networks that have an accuracy, in the benchmark's order.

        Args:
            epochs: one of `lengths`; 0 for the shortest.

        Raises:
            MissingData: there is none.
        """
        table = self.benchmark.table(self.target(epochs)).dropna(subset="value")
        if table.empty:
            raise MissingData(f"{self.benchmark.name} knows no network by {self.metric}")
        return [str(text) for text in table["architecture"]]
