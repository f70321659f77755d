"""Aggregates: declaration, parameters, registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from untrained.foundation import Parameter, Registry

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
        formula: the definition in one line.
        members: ids of the indicators it combines; none: the user names them.
        parameters: by name; the function takes exactly these by keyword. Numbers are at least 0.
        relative: whether a value depends on the other candidates.
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
            parameters={
                key: one if one.least is not None else replace(one, least=0)
                for key, one in parameters.items()
            },
            relative=relative,
            higher_is_better=higher_is_better,
            version=version,
            deviations=deviations,
            function=function,
        )
        return aggregates.register(item.id, item, origin=function.__module__)

    return register
