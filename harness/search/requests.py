"""Requests of a searcher, and the answers to them.

A searcher is a generator: it yields requests and is sent a list of answers, one for each item of
the request, in that order. `score`, `train`, `score_supernet` and `supernet_gradient` do both
with the right types:

    [child] = yield from train([architecture])
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import UserError
from untrained.spaces import Architecture


@dataclass(frozen=True, slots=True)
class Score:
    """Request the chosen indicators' scores of some networks."""

    architectures: tuple[Architecture, ...]
    draws: int = 1
    """Number of draws of the weights, each with scores of its own."""


@dataclass(frozen=True, slots=True)
class Train:
    """Request the validation accuracy of some networks after a training."""

    architectures: tuple[Architecture, ...]
    epochs: int = 0
    """0: the shortest training that the benchmark has."""


@dataclass(frozen=True, slots=True)
class ScoreSupernet:
    """Request the chosen indicators' scores of restricted supernets."""

    masks: tuple[str, ...]
    """Remaining operations of each edge, in the notation of the space's supernet."""
    draw: int = 0
    """Number of the draw of weights and data; repeats of a measurement differ in it."""


@dataclass(frozen=True, slots=True, eq=False)
class SupernetGradient:
    """Request an objective of the whole supernet and its gradient by the architecture weights."""

    weights: NDArray[np.float64]
    """Shape (edges, operations)."""
    draw: int = 0
    """Number of the draw of weights and data."""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Settings of the objective."""


@dataclass(frozen=True, slots=True)
class Incumbent:
    """Log a step: the architecture that the search would return now. An incumbent costs nothing.

    Of several after one answer only the last is one that the search could return.
    """

    architecture: Architecture
    series: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Further numbers of this step, by name; the same names at every step."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one network."""

    architecture: Architecture
    values: tuple[float, ...]
    """As measured, one per indicator; NaN where there is none."""
    oriented: tuple[float, ...]
    """With a sign that makes larger better."""
    cost_s: float
    """Of all draws."""
    draws: tuple[tuple[float, ...], ...] = ()
    """As `values`, which are then their means, for each draw of the weights where several were
    requested."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The outcome of one training."""

    architecture: Architecture
    accuracy: float
    """On the validation set; larger is better, NaN where it is not known."""
    cost_s: float


@dataclass(frozen=True, slots=True)
class ScoredSupernet:
    """The scores of one restricted supernet."""

    mask: str
    values: tuple[float, ...]
    """As measured, one per indicator; NaN where there is none."""
    oriented: tuple[float, ...]
    """With a sign that makes larger better."""
    cost_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """An objective of the supernet and its gradient."""

    value: float
    gradient: NDArray[np.float64]
    """By the architecture weights; shape (edges, operations)."""
    cost_s: float


CostlyRequest = Score | Train | ScoreSupernet | SupernetGradient
Request = CostlyRequest | Incumbent
Evaluation = Scored | Trained
Answer = Scored | Trained | ScoredSupernet | Gradient

Steps = Generator[Request, Any, Architecture | None]
"""A running searcher; its return value is the final answer, None for the last incumbent."""


class BudgetSpent(Exception):  # no error: a searcher may catch it to choose its final answer
    """Raised at a searcher's `yield` when the request does not fit into the budget."""

    def __init__(self, reason: str, answers: Sequence[Answer] = ()) -> None:
        """Keep the reason and the partial answers.

        Args:
            reason: `seconds` or `evaluations`.
            answers: to the first part of the request, which still fitted.
        """
        super().__init__(f"the budget of {reason} is spent")
        self.reason = reason
        self.answers = list(answers)


def score(
    architectures: Sequence[Architecture], draws: int = 1
) -> Generator[Request, Any, list[Scored]]:
    """Request the scores of some networks, of several draws of the weights each."""
    answers = yield Score(tuple(architectures), draws)
    return cast("list[Scored]", answers)


def train(
    architectures: Sequence[Architecture], epochs: int = 0
) -> Generator[Request, Any, list[Trained]]:
    """Request validation accuracies; `epochs` 0 is the shortest training of the benchmark."""
    answers = yield Train(tuple(architectures), epochs)
    return cast("list[Trained]", answers)


def evaluate(
    architectures: Sequence[Architecture], *, by: str, epochs: int = 0, draws: int = 1
) -> Generator[Request, Any, list[Evaluation]]:
    """Request scores (`by` is "scores") or trainings, one evaluation each.

    Raises:
        UserError: several draws of trainings.
    """
    if by == "scores":
        return cast("list[Evaluation]", (yield from score(architectures, draws)))
    if draws > 1:
        raise UserError(
            "cannot compare draws of accuracies: a benchmark has one accuracy of a network. Set "
            "by=scores, or draws=1."
        )
    return cast("list[Evaluation]", (yield from train(architectures, epochs)))


def score_supernet(
    masks: Sequence[str], draw: int = 0
) -> Generator[Request, Any, list[ScoredSupernet]]:
    """Request scores of restricted supernets, all with the weights and data of one draw."""
    answers = yield ScoreSupernet(tuple(masks), draw)
    return cast("list[ScoredSupernet]", answers)


def supernet_gradient(
    weights: NDArray[np.float64], draw: int = 0, **options: Any
) -> Generator[Request, Any, Gradient]:
    """Request the objective and its gradient at some architecture weights."""
    [answer] = yield SupernetGradient(weights, draw, MappingProxyType(options))
    return cast("Gradient", answer)


def items(request: CostlyRequest) -> tuple[Any, ...]:
    """List the items of a request; each gets one answer."""
    match request:
        case Score() | Train():
            return request.architectures
        case ScoreSupernet():
            return request.masks
        case SupernetGradient():
            return (request.weights,)
