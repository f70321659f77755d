"""An aggregate with everything chosen: its name in a table, members and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from untrained.foundation import MalformedInput, UnknownName, Value
from untrained.results.aggregates.aggregate import Aggregate
from untrained.results.aggregates.member_scores import MemberScores

Diverged = Literal["missing", "last"]


@dataclass(frozen=True, slots=True)
class BoundAggregate:
    """What a table computes: `bound(scores)` is one value an architecture."""

    name: str
    aggregate: Aggregate
    members: tuple[str, ...]
    parameters: Mapping[str, Value] = field(hash=False)
    diverged: Diverged
    """What a member's diverged score does: `missing`, the architecture has no value; `last`, it
    ranks behind all others in that member."""

    @classmethod
    def of(
        cls,
        aggregate: Aggregate,
        *,
        name: str | None = None,
        members: Sequence[str] = (),
        parameters: Mapping[str, object] = MappingProxyType({}),
        diverged: Diverged = "missing",
    ) -> BoundAggregate:
        """Choose what is combined, and how.

        Args:
            name: its name in a table; by default its id.
            members: ids of indicators; by default its own, which others may replace one by one.
            parameters: by name, those that are not to be the default.
            diverged: what a member's diverged score does.

        Raises:
            UnknownName: the aggregate has no parameter of that name.
            MalformedInput: members are missing, twice or of another number than its own, or a
                parameter is missing or has a wrong value.
        """
        chosen = _members(aggregate, members)
        if diverged == "last" and not aggregate.relative:
            raise MalformedInput(
                f"{aggregate.id} is no ranking of its members, so that a diverged score cannot "
                'rank last in it; leave diverged = "missing"'
            )
        for given in parameters:
            if given not in aggregate.parameters:
                raise UnknownName(f"parameter of {aggregate.id}", given, aggregate.parameters)
        values: dict[str, Value] = {}
        for key, parameter in aggregate.parameters.items():
            value = parameters.get(key, parameter.default)
            if value is None:
                raise MalformedInput(
                    f"{aggregate.id} needs the parameter {key}: {parameter.meaning}; add it"
                )
            values[key] = parameter.check(key, value, num_members=len(chosen))
        return cls(name or aggregate.id, aggregate, chosen, values, diverged)

    @property
    def is_standard(self) -> bool:
        """Whether it is what its id stands for, with nothing chosen by a user."""
        own = self.aggregate
        defaults = {name: parameter.default for name, parameter in own.parameters.items()}
        chosen = (self.name, self.members, dict(self.parameters), self.diverged)
        return bool(own.members) and chosen == (own.id, own.members, defaults, "missing")

    def __call__(self, scores: MemberScores) -> pd.Series[float]:
        """The aggregate of every architecture.

        Only architectures that have all members are candidates; ranks are taken among them.

        Returns:
            One value an architecture, in the order of `scores`; NaN without one of the members.
        """
        candidates = scores.candidates(self.members, diverged_last=self.diverged == "last")
        values: pd.Series[float] = pd.Series(
            np.nan, index=scores.raw.index, dtype=np.float64, name=self.name
        )
        if len(candidates.raw):
            found = self.aggregate.function(candidates, **self.parameters)
            values.loc[candidates.raw.index] = np.asarray(found, dtype=np.float64)
        return values

    def describe(self) -> str:
        """One line for a table: formula, members, parameters, and what the value depends on."""
        given = [f"{name} = {_as_text(value)}" for name, value in self.parameters.items()]
        if self.diverged == "last":
            given.append("diverged scores last")
        parts = [
            self.aggregate.formula,
            *given,
            f"{'member' if len(self.members) == 1 else 'members'} {', '.join(self.members)}",
        ]
        if self.name != self.aggregate.id:
            parts.insert(0, self.aggregate.id)
        if self.aggregate.relative:
            parts.append("relative to this population")
        return "; ".join(parts)


def _members(aggregate: Aggregate, given: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(given) or aggregate.members
    if not chosen:
        raise MalformedInput(
            f"{aggregate.id} combines any indicators and none is named; name its members in a "
            "table [[aggregate]] of a study"
        )
    if len(set(chosen)) < len(chosen):
        raise MalformedInput(f"the members {', '.join(chosen)} name one twice; name each once")
    if aggregate.members and len(chosen) != len(aggregate.members):
        raise MalformedInput(
            f"{aggregate.id} combines {len(aggregate.members)} indicators "
            f"({', '.join(aggregate.members)}) and {len(chosen)} are named; name as many, each in "
            "the place of the one it replaces"
        )
    return chosen


def _as_text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_text, value))}]"
    return value if isinstance(value, str) else repr(value).removesuffix(".0")
