"""A setting of a searcher: its type and default come from the function's signature."""

from __future__ import annotations

import math
from dataclasses import dataclass

from untrained.foundation import MalformedInput, suggest

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
