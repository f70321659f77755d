"""Aggregates: declaration, parameters, registry."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from untrained.foundation import MalformedInput, Registry, suggest

Value = float | str | tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an aggregate: a number, one of some words, or one number a member."""

    meaning: str
    """A half sentence."""
    default: Value | None = None
    """None: it must be given."""
    choices: tuple[str, ...] = ()
    """The words it may be; empty for numbers."""
    per_member: bool = False
    """A list of numbers, one a member in their order."""
    positive: bool = False
    """Zero is refused too; negative numbers always are."""

    def check(self, name: str, value: object, *, num_members: int) -> Value:
        """The value in its type.

        Args:
            name: the parameter's, for messages.
            value: what was given.
            num_members: of the aggregate.

        Raises:
            MalformedInput: it is of another type, out of range, or of the wrong length.
        """
        if self.choices:
            if value not in self.choices:
                near = f"; {suggest(value, self.choices)}" if isinstance(value, str) else ""
                raise MalformedInput(
                    f"{name} = {value!r}: it is none of {', '.join(self.choices)}{near}"
                )
            return str(value)
        if not self.per_member:
            return self._number(name, value)
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != num_members:
            raise MalformedInput(
                f"{name} = {value!r}: it should be a list of {num_members} numbers, one for each "
                "member in their order"
            )
        return tuple(self._number(name, item) for item in value)

    def _number(self, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MalformedInput(f"{name} = {value!r}: it should be a number")
        try:
            number = float(value)
        except OverflowError:  # a whole number of more than 300 digits
            number = math.inf
        if not math.isfinite(number) or number < 0 or (self.positive and number == 0):
            least = "greater than 0" if self.positive else "0 or greater"
            raise MalformedInput(f"{name} = {value!r}: it should be finite and {least}")
        return number


Function = Callable[..., NDArray[Any]]
"""Of `MemberScores` without NaN, and of the parameters by keyword: one number an architecture."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A score made of the scores of other indicators when a table is made; never stored.

    One without members of its own is a kind: it combines those that a user names.
    """

    id: str
    title: str
    formula: str
    """The definition in one line of text, ties included."""
    reference: str
    """Authors, venue, year, equation."""
    members: tuple[str, ...]
    """Ids of the indicators it combines; empty for a kind."""
    parameters: Mapping[str, Parameter] = field(hash=False)
    relative: bool
    """Made of ranks: a value means something only beside those of the same candidates."""
    higher_is_better: bool
    version: int
    """Raised whenever the value for the same scores changes."""
    deviations: str
    """Where it differs from the authors' released code; empty if nowhere."""
    function: Function


aggregates: Registry[Aggregate] = Registry(
    "aggregate",
    package="untrained.results.aggregates",
    group="untrained.aggregates",
    hint="untrained list aggregates",
)


def aggregate(
    *,
    title: str,
    formula: str,
    reference: str,
    members: tuple[str, ...] = (),
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
    relative: bool = True,
    higher_is_better: bool = True,
    version: int = 1,
    deviations: str = "",
) -> Callable[[Function], Aggregate]:
    """Register the decorated function as the aggregate of the function's name.

    Args:
        title: name for tables.
        formula: the definition in one line.
        reference: authors, venue, year, equation.
        members: ids of the indicators it combines; none: the user names them.
        parameters: by name; the function takes exactly these by keyword.
        relative: whether a value depends on the other candidates.
        higher_is_better: its direction.
        version: to be raised whenever the value for the same scores changes.
        deviations: where it differs from the authors' released code.

    Returns:
        The decorator; it returns the `Aggregate`.
    """

    def register(function: Function) -> Aggregate:
        _, *taken = inspect.signature(function).parameters
        if taken != list(parameters):
            raise ValueError(
                f"{function.__name__} takes {taken or 'no parameters'}, but declares "
                f"{list(parameters) or 'none'}; the two must agree in names and order"
            )
        item = Aggregate(
            id=function.__name__,
            title=title,
            formula=formula,
            reference=reference,
            members=members,
            parameters=parameters,
            relative=relative,
            higher_is_better=higher_is_better,
            version=version,
            deviations=deviations,
            function=function,
        )
        return aggregates.register(item.id, item, origin=function.__module__)

    return register
