"""A number or word that changes what an aggregate computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from untrained.foundation import MalformedInput, suggest

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
