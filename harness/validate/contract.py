"""The contract suite, run on a candidate in a worker."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.indicators import indicators


@dataclass(frozen=True, slots=True)
class Kept:
    """One promise of the contract."""

    promise: str
    statement: str
    kept: bool | None
    """None: could not be examined."""
    detail: str


@dataclass(frozen=True, slots=True)
class Examined:
    """All promises, or why they could not be examined."""

    promises: tuple[Kept, ...]
    died: str = ""

    @classmethod
    def of_death(cls, reason: str) -> Examined:
        """The process that examined it ended."""
        return cls((), reason)

    @property
    def broken(self) -> tuple[Kept, ...]:
        """The promises that are not kept."""
        return tuple(one for one in self.promises if one.kept is False)


def examine_candidate(name: str) -> Examined:
    """Examine a registered indicator.

    Args:
        name: its id.
    """
    from importlib import import_module

    try:
        examine = import_module("untrained.harness.contract").examine
    except ImportError as error:
        return Examined((), str(error))
    return Examined(
        tuple(
            Kept(one.promise, one.statement, one.kept, one.detail)
            for one in examine(indicators[name])
        )
    )
