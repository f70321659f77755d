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
    """What a searcher asks its world for."""

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


@dataclass(frozen=True, slots=True)
class Searcher:
    """A search algorithm, apart from what it is run on."""

    name: str
    title: str
    reference: str
    """Authors, venue, year, algorithm."""
    asks: frozenset[Asks]
    """Everything it can ask for."""
    parameters: Mapping[str, Parameter] = field(hash=False)
    endless: Mapping[str, Value] = field(hash=False)
    """Values of parameters with which it only ends when its budget is spent."""
    deviations: str
    """Where it differs from the paper or the authors' code; empty if nowhere."""
    function: Function

    def settings(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All parameters, checked.

        Args:
            given: by name, those that are not to be the default; texts are read.

        Raises:
            UnknownName: it has no parameter of that name.
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
        """Call the function; `by` and `epochs` go to the problem unless the function takes them."""
        taken = _keywords(self.function)
        own = {key: value for key, value in settings.items() if key in taken}
        common: dict[str, Any] = {k: value for k, value in settings.items() if k not in taken}
        return self.function(replace(problem, **common) if common else problem, rng, **own)

    def asks_with(self, settings: Mapping[str, Value]) -> frozenset[Asks]:
        """What it asks for under some settings: `by` decides between scores and accuracies."""
        chosen = settings.get("by")
        unused = {ask for word, asks in _BY.items() for ask in asks if word != chosen}
        return self.asks if chosen is None else self.asks - unused

    def is_endless(self, settings: Mapping[str, Value]) -> bool:
        """Whether only the budget ends it."""
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
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
    endless: Mapping[str, Value] = MappingProxyType({}),
    deviations: str = "",
) -> Callable[[Function], Function]:
    """Register the decorated generator function.

    The settings are its keyword arguments:

        def mine(problem, rng, *, n: Annotated[int, Parameter("networks drawn", least=1)] = 100)

    Args:
        name: unique, lower case, as papers abbreviate.
        asks: everything it can ask for; if trainings, it has the setting `epochs`.
        by: default of the setting `by` (`scores` or `accuracy`); empty, it has no such setting.
        parameters: of keyword arguments that are not annotated with a `Parameter`.
        endless: values of settings with which only the budget ends it.
        deviations: where it differs from the paper or the authors' code.
    """

    def register(function: Function) -> Function:
        common = {"by": replace(BY, default=by)} if by else {}
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
        name: one
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY
    }


def _declared(function: Function, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The settings in the signature, with its types and defaults."""
    taken = _keywords(function)
    hints = typing.get_type_hints(function, include_extras=True)
    declared = dict(given)
    for name in taken:
        found = [
            one
            for one in getattr(hints.get(name), "__metadata__", ())
            if isinstance(one, Parameter)
        ]
        if found:
            declared[name] = found[0]
            hints[name] = hints[name].__origin__
    if sorted(taken) != sorted(declared):
        raise ValueError(
            f"{function.__qualname__} takes {list(taken)}, but declares {list(declared)}; the two "
            "must agree"
        )
    return {
        name: replace(declared[name], kind=hints[name], default=one.default)
        for name, one in taken.items()
    }
