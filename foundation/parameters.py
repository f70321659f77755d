"""One setting of a searcher or parameter of an aggregate: its meaning and what it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from untrained.foundation.errors import MalformedInput, suggest

Value = int | float | str | tuple[float, ...]

_WORDS = {int: "a whole number", float: "a number", str: "a word"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, a word, or one number for each member of an aggregate."""

    meaning: str
    """A half sentence."""
    _: KW_ONLY
    default: Value | None = None
    """None: a value must be given."""
    least: float | None = None
    """Smallest number allowed."""
    most: float | None = None
    """Largest number allowed."""
    positive: bool = False
    """Refuse 0 and negative numbers."""
    choices: tuple[str, ...] = ()
    """Allowed words; empty for numbers, and for a word that is checked elsewhere."""
    per_member: bool = False
    """A list of numbers, one for each member in their order."""
    is_cost: bool = False
    """The value names a size or a metric of networks, which the search looks up; empty: none."""
    kind: type[int] | type[float] | type[str] = float
    """Type of a value; a searcher's come from the annotations of its signature."""

    def read(self, value: object) -> object:
        """Convert a text to a number where a number is expected; `check` refuses what remains."""
        if not isinstance(value, str) or self.kind is str or self.choices:
            return value
        try:
            return self.kind(value)
        except ValueError:
            return value

    def check(self, name: str, value: object, *, num_members: int = 0) -> Value:
        """Return the value in its type.

        Raises:
            MalformedInput: the value has another type, is out of range or has the wrong length.
        """
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                near = f"; {suggest(value, self.choices)}" if isinstance(value, str) else ""
                raise self._refused(name, value, f"is none of {', '.join(self.choices)}{near}")
            return value
        if not self.per_member:
            return self._single(name, value)
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != num_members:
            raise self._refused(
                name,
                value,
                f"should be a list of {num_members} numbers, one for each member in their order",
            )
        return tuple(float(self._single(name, item)) for item in value)

    def _single(self, name: str, value: object) -> int | float | str:
        expected = f"should be {_WORDS[self.kind]} ({self.meaning})"
        if self.kind is str:
            if not isinstance(value, str):
                raise self._refused(name, value, expected)
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refused(name, value, expected)
        try:
            is_number = math.isfinite(value) and self.kind(value) == value
        except OverflowError:  # a whole number of more than 300 digits
            is_number = False
        if not is_number:
            raise self._refused(name, value, expected)
        allowed = []
        if self.positive:
            allowed.append("greater than 0")
        elif self.least is not None:
            allowed.append(f"at least {self.least:g}")
        if self.most is not None:
            allowed.append(f"at most {self.most:g}")
        if (
            (self.positive and value <= 0)
            or (self.least is not None and value < self.least)
            or (self.most is not None and value > self.most)
        ):
            raise self._refused(name, value, f"should be {' and '.join(allowed)} ({self.meaning})")
        return self.kind(value)

    @staticmethod
    def _refused(name: str, value: object, why: str) -> MalformedInput:
        return MalformedInput(f"{name} = {value!r}: it {why}")
