"""Searchers: declaration, settings, registry."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from untrained.foundation import MalformedInput, Registry, UnknownName, suggest
from untrained.harness.search.requests import Steps

Value = int | float | str

_WORDS = {int: "a whole number", float: "a number", str: "a word"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting: a whole number, a number, or one of some words."""

    meaning: str
    """A half sentence."""
    least: float | None = None
    """Smallest number it may be."""
    most: float | None = None
    """Largest number it may be."""
    choices: tuple[str, ...] = ()
    """The words it may be; empty for numbers, and for a word that something else checks."""
    is_cost: bool = False
    """Whether it names a cost of networks, which the search then needs to know."""
    kind: type[int] | type[float] | type[str] = int
    """Of the annotation; set when the searcher is registered."""
    default: Value = 0
    """Of the signature; set when the searcher is registered."""

    def check(self, name: str, value: object) -> Value:
        """The value in its type; a text is read.

        Args:
            name: the setting's, for messages.
            value: what was given.

        Raises:
            MalformedInput: it is of another type or out of range.
        """
        if self.kind is str:
            return self._word(name, value)
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ValueError
            number = self.kind(value)
            if number != float(value) or not math.isfinite(number):
                raise ValueError
        except ValueError:
            raise MalformedInput(
                f"{name} = {value!r}: it should be {_WORDS[self.kind]} ({self.meaning})"
            ) from None
        low = "" if self.least is None else f"at least {self.least:g}"
        high = "" if self.most is None else f"at most {self.most:g}"
        if (self.least is not None and number < self.least) or (
            self.most is not None and number > self.most
        ):
            limits = " and ".join(part for part in (low, high) if part)
            raise MalformedInput(f"{name} = {value!r}: it should be {limits} ({self.meaning})")
        return number

    def _word(self, name: str, value: object) -> str:
        if not isinstance(value, str) and not self.choices:
            raise MalformedInput(f"{name} = {value!r}: it should be {_WORDS[str]} ({self.meaning})")
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            known = ", ".join(self.choices)
            near = f"; {suggest(value, self.choices)}" if isinstance(value, str) else ""
            raise MalformedInput(f"{name} = {value!r}: it is none of {known}{near}")
        return value

    def describe(self) -> str:
        """For a list: the meaning, what it may be, and the default."""
        allowed = f" ({', '.join(self.choices)})" if self.choices else ""
        return f"{self.meaning}{allowed}; default {self.default}"


Function = Callable[..., Steps]
"""Of a `Problem` and a numpy generator, and of the parameters by keyword."""


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
    meaning="what decides, scores or the validation accuracy after a training",
    choices=tuple(_BY),
)
"""The parameter `by`, which several searchers have."""
EPOCHS = Parameter(meaning="length of a training; 0, the shortest that the benchmark has", least=0)
"""The parameter `epochs` of those that train."""


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
            name: parameter.check(name, given.get(name, parameter.default))
            for name, parameter in self.parameters.items()
        }

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
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
    endless: Mapping[str, Value] = MappingProxyType({}),
    deviations: str = "",
) -> Callable[[Function], Function]:
    """Register the decorated generator function.

    Args:
        name: unique, lower case, as papers abbreviate.
        title: for tables.
        reference: authors, venue, year, algorithm.
        asks: everything it can ask for.
        parameters: of the function's keyword arguments, whose annotations and defaults complete
            them.
        endless: values of parameters with which only the budget ends it.
        deviations: where it differs from the paper or the authors' code.

    Returns:
        The decorator; it returns the function.
    """

    def register(function: Function) -> Function:
        searcher = Searcher(
            name=name,
            title=title,
            reference=reference,
            asks=asks,
            parameters=MappingProxyType(_completed(function, parameters)),
            endless=endless,
            deviations=deviations,
            function=function,
        )
        searchers.register(name, searcher, origin=function.__module__)
        return function

    return register


def _completed(function: Function, declared: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters with the types and defaults of the signature."""
    taken = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    if sorted(one.name for one in taken) != sorted(declared):
        raise ValueError(
            f"{function.__qualname__} takes {[one.name for one in taken]}, but declares "
            f"{list(declared)}; the two must agree"
        )
    kinds = typing.get_type_hints(function)
    return {
        one.name: replace(declared[one.name], kind=kinds[one.name], default=one.default)
        for one in taken
    }
