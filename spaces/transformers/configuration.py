"""Architectures written as JSON objects, as the published tables have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from untrained.foundation import MalformedInput


def write(configuration: Mapping[str, Any]) -> str:
    """Write a configuration as compact JSON with sorted keys."""
    return json.dumps(configuration, sort_keys=True, separators=(",", ":"))


class Reader:
    """Reads one JSON object of known keys, and refuses what else it holds."""

    def __init__(self, text: str, *, of: str, example: str) -> None:
        """Read the text.

        Args:
            of: the search space, for messages.
            example: an architecture of it, for messages.

        Raises:
            MalformedInput: the text is no JSON object.
        """
        self._text, self._of, self._example = text, of, example
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            self.refuse("it is no JSON")
        if not isinstance(found, dict):
            self.refuse("it is no JSON object")
        self.object: dict[str, Any] = found

    def refuse(self, reason: str) -> NoReturn:
        """Raise `MalformedInput` with a reason."""
        raise MalformedInput(
            f"cannot read {self._text!r} as an architecture of {self._of}: {reason}. "
            f"Write, for example, {self._example}."
        )

    def keys(self, found: object, names: Sequence[str], *, what: str = "it") -> dict[str, Any]:
        """Return an object whose keys are exactly these."""
        if not isinstance(found, dict) or set(found) != set(names):
            self.refuse(f"{what} has not the keys {', '.join(names)}")
        return found

    def choice(self, value: object, choices: Sequence[Any], what: str) -> Any:
        """Return one of some values, in the type that the choices have; 4 is 4.0, 4.0 is not 4."""
        kinds = {type(one) for one in choices}
        fits = type(value) in kinds or (type(value) is int and kinds == {float})
        if not fits or value not in choices:
            self.refuse(f"{what} is {value!r}, not one of {', '.join(map(str, choices))}")
        return choices[choices.index(value)]

    def choices(self, values: object, length: int, choices: Sequence[Any], what: str) -> list[Any]:
        """Return a list of so many of some values."""
        if not isinstance(values, list) or len(values) != length:
            self.refuse(f"{what} is no list of {length} values")
        return [self.choice(value, choices, what) for value in values]
