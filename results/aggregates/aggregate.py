"""Aggregates: the scores they combine, how a file declares one, and how a table binds one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, Parameter, Registry, UnknownName, Value

if TYPE_CHECKING:  # a worker, which loads what a study names, computes no aggregate
    import pandas as pd

Ties = Literal["average", "dense", "best"]

_METHODS: dict[Ties, Literal["average", "dense", "max"]] = {
    "average": "average",
    "dense": "dense",
    "best": "max",  # counted from the worst, the best rank of equal values is the largest
}


def ties_parameter(default: Ties) -> Parameter:
    """Declare how equal scores rank, as a parameter."""
    return Parameter(
        meaning="rank of equal scores: the average of theirs, one for all and the next number for "
        "the next score (dense), or the best of theirs",
        default=default,
        choices=tuple(_METHODS),
    )


def ranks(scores: MemberScores, ties: Ties) -> NDArray[np.float64]:
    """Rank the candidates under each member, 1 for the worst one.

    Args:
        scores: without NaN; infinite scores rank first or last.
        ties: `average` (1, 2.5, 2.5, 4), `dense` (1, 2, 2, 3) or `best` (1, 3, 3, 4).

    Returns:
        Shape (architectures, members); halves at the finest, so that sums are exact.
    """
    found = scipy.stats.rankdata(scores.oriented, method=_METHODS[ties], axis=0)
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class MemberScores:
    """Scores of some indicators, as measured, and which way each is better."""

    raw: pd.DataFrame
    """One row an architecture, one column a member; NaN = missing. Infinite values are legal."""
    higher_is_better: Mapping[str, bool]
    """Direction of each member."""
    diverged: pd.DataFrame | None = None
    """True where a missing score is missing because it diverged; of the shape of `raw`."""

    @property
    def oriented(self) -> NDArray[np.float64]:
        """Sign the scores so that larger is better; shape (architectures, members)."""
        signs = [1.0 if self.higher_is_better[name] else -1.0 for name in self.raw.columns]
        return np.asarray(self.raw.to_numpy(dtype=np.float64) * np.array(signs), dtype=np.float64)

    def column(self, place: int) -> NDArray[np.float64]:
        """Select the raw scores of the member at a place, shape (architectures,)."""
        return self.raw.iloc[:, place].to_numpy(dtype=np.float64)

    def candidates(self, members: tuple[str, ...], *, diverged_last: bool) -> MemberScores:
        """Select the scores of some members over the architectures that have all of them.

        Args:
            members: columns of `raw`, in the order wanted; one that `raw` lacks has no score.
            diverged_last: whether a diverged score is worse than every other, instead of missing.

        Returns:
            Scores without NaN, maybe of no architecture.
        """
        import pandas as pd

        raw = self.raw.reindex(columns=list(members))
        if diverged_last and self.diverged is not None:
            worst = {n: -np.inf if self.higher_is_better[n] else np.inf for n in members}
            failed = self.diverged.reindex(columns=list(members), fill_value=False) & raw.isna()
            raw = raw.mask(failed, pd.Series(worst), axis="columns")
        return MemberScores(raw.dropna(), {name: self.higher_is_better[name] for name in members})


Function = Callable[..., NDArray[Any]]
"""Function of `MemberScores` without NaN and of parameters: one number an architecture."""


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
    """Difference from the authors' released code; empty if there is none."""
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


Diverged = Literal["missing", "last"]


@dataclass(frozen=True, slots=True)
class BoundAggregate:
    """An aggregate with its name, members and parameters: a callable that a table evaluates."""

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
        """Bind an aggregate to members and parameters, and check them.

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
        """Check whether the aggregate is the registered one, without a user's choices."""
        own = self.aggregate
        defaults = {name: parameter.default for name, parameter in own.parameters.items()}
        chosen = (self.name, self.members, dict(self.parameters), self.diverged)
        return bool(own.members) and chosen == (own.id, own.members, defaults, "missing")

    def __call__(self, scores: MemberScores) -> pd.Series[float]:
        """Compute the aggregate of every architecture.

        Only architectures that have all members are candidates; ranks are taken among them.

        Returns:
            One value an architecture, in the order of `scores`; NaN without one of the members, or
            where it is infinite and would rank first.
        """
        import pandas as pd

        candidates = scores.candidates(self.members, diverged_last=self.diverged == "last")
        values: pd.Series[float] = pd.Series(
            np.nan, index=scores.raw.index, dtype=np.float64, name=self.name
        )
        if len(candidates.raw):
            found = self.aggregate.function(candidates, **self.parameters)
            values.loc[candidates.raw.index] = np.asarray(found, dtype=np.float64)
        # an infinite value that would rank first is an accident, as of a score
        return values.mask(values == (np.inf if self.aggregate.higher_is_better else -np.inf))

    def describe(self) -> str:
        """Write formula, members, parameters and what the value depends on in one line."""
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
