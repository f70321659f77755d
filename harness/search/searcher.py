"""Searchers: declaration, settings, registry."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from untrained.foundation import Parameter, Registry, UnknownName, Value
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import Steps

Function = Callable[..., Steps]
"""Takes a `Problem`, a numpy generator and the searcher's own settings by keyword."""


class Asks(StrEnum):
    """Kinds of answers that a searcher requests."""

    drawn_scores = "scores of networks drawn from the space"
    scores = "scores of any network"
    drawn_accuracy = "validation accuracies of networks drawn from the space"
    accuracy = "validation accuracies of any network"
    supernet = "scores of a supernet"
    supernet_gradient = "gradients of a supernet"


_BY = {"scores": {Asks.drawn_scores, Asks.scores}, "accuracy": {Asks.drawn_accuracy, Asks.accuracy}}

BY = Parameter(
    "objective, scores or the validation accuracy after a training", choices=tuple(_BY), kind=str
)
"""The setting `by` of searchers that can do either."""
EPOCHS = Parameter(
    "length of a training; 0, the shortest that the benchmark has", least=0, kind=int, default=0
)
"""The setting `epochs` of searchers that train."""
DRAWS = {
    "draws": Parameter(
        "draws of the weights that a network is scored with; several are compared by a one-sided "
        "Mann-Whitney test, 1 by the score",
        least=1,
        kind=int,
        default=1,
    ),
    "level": Parameter(
        "level of the test: another network is better if its p is below",
        least=0,
        most=1,
        kind=float,
        default=0.05,
    ),
}
"""The settings of searchers that can compare repeated scores."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """A search algorithm, independent of the problem."""

    name: str
    title: str
    reference: str
    """Authors, venue, year, algorithm."""
    asks: frozenset[Asks]
    """All kinds of answers that it can request."""
    parameters: Mapping[str, Parameter] = field(hash=False)
    endless: Mapping[str, Value] = field(hash=False)
    """Values of parameters with which only a spent budget ends the search."""
    deviations: str
    """Differences from the paper or the authors' code; empty if there are none."""
    function: Function

    def settings(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Check the given parameters, convert texts, and add the defaults of the others.

        Raises:
            UnknownName: the searcher has no parameter of that name.
            MalformedInput: a value has another type or is out of range.
        """
        for name in given:
            if name not in self.parameters:
                raise UnknownName(f"parameter of {self.name}", name, self.parameters)
        return {
            name: parameter.check(name, parameter.read(given.get(name, parameter.default)))
            for name, parameter in self.parameters.items()
        }

    def start(
        self, problem: Problem, rng: np.random.Generator, settings: Mapping[str, Value]
    ) -> Steps:
        """Call the function; the problem gets the common settings, which it does not take."""
        taken = _keywords(self.function)
        own = {key: value for key, value in settings.items() if key in taken}
        common: dict[str, Any] = {k: value for k, value in settings.items() if k not in taken}
        return self.function(replace(problem, **common) if common else problem, rng, **own)

    def asks_with(self, settings: Mapping[str, Value]) -> frozenset[Asks]:
        """List the answers requested under some settings: `by` chooses scores or accuracies."""
        chosen = settings.get("by")
        unused = {ask for word, asks in _BY.items() for ask in asks if word != chosen}
        return self.asks if chosen is None else self.asks - unused

    def costs_named(self, settings: Mapping[str, Value]) -> frozenset[str]:
        """List the sizes and metrics of networks that some settings name."""
        named = (settings[key] for key, item in self.parameters.items() if item.is_cost)
        return frozenset(str(name) for name in named if name)

    def is_endless(self, settings: Mapping[str, Value]) -> bool:
        """Tell whether only a budget ends the search."""
        return any(settings[name] == value for name, value in self.endless.items())


searchers: Registry[Searcher] = Registry(
    "searcher",
    package="untrained.harness.search.algorithms",
    group="untrained.searchers",
    hint="untrained list searchers",
)


def register_searcher(
    *,
    name: str,
    title: str,
    reference: str,
    asks: frozenset[Asks],
    by: str = "",
    repeats: bool = False,
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
    endless: Mapping[str, Value] = MappingProxyType({}),
    deviations: str = "",
) -> Callable[[Function], Function]:
    """Register the decorated generator function.

    The settings are its keyword arguments:

        def mine(problem, rng, *, n: Annotated[int, Parameter("networks drawn", least=1)] = 100)

    Args:
        name: unique, lower case, as papers abbreviate.
        asks: all kinds of answers that it can request; trainings add the setting `epochs`.
        by: default of the setting `by` (`scores` or `accuracy`); empty: no such setting.
        repeats: whether it compares networks through the problem alone, so that scores may be
            repeated: it gets the settings `draws` and `level`.
        parameters: of keyword arguments that are not annotated with a `Parameter`.
        endless: values of settings with which only a budget ends the search.
        deviations: differences from the paper or the authors' code.
    """

    def register(function: Function) -> Function:
        common = {"by": replace(BY, default=by)} if by else {}
        if repeats:
            common |= DRAWS
        if asks & {Asks.drawn_accuracy, Asks.accuracy} and not parameters:
            common["epochs"] = EPOCHS
        searcher = Searcher(
            name=name,
            title=title,
            reference=reference,
            asks=asks,
            parameters=MappingProxyType(common | _declared(function, parameters)),
            endless=endless,
            deviations=deviations,
            function=function,
        )
        searchers.register(name, searcher, origin=function.__module__)
        return function

    return register


def _keywords(function: Function) -> dict[str, inspect.Parameter]:
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _declared(function: Function, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Read the settings, their types and defaults from the signature."""
    taken = _keywords(function)
    hints = typing.get_type_hints(function, include_extras=True)
    declared = dict(given)
    for name in taken:
        metadata = getattr(hints.get(name), "__metadata__", ())
        parameter = next((item for item in metadata if isinstance(item, Parameter)), None)
        if parameter is not None:
            declared[name], hints[name] = parameter, hints[name].__origin__
    if sorted(taken) != sorted(declared):
        raise ValueError(
            f"{function.__qualname__} takes {list(taken)}, but declares {list(declared)}; the two "
            "must agree"
        )
    return {
        name: replace(declared[name], kind=hints[name], default=keyword.default)
        for name, keyword in taken.items()
    }
