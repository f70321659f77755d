"""The notation of the NDS sets: the set's name, `#`, and a network description as JSON.

`ENAS_in#{"aux": false, "depth": 14, ..., "width": 32}`: the names are those of the published files;
a set that ends in `_in` was trained on ImageNet, the others on CIFAR-10.
Reference: Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from untrained.foundation import MalformedInput

LONGEST = 20_000
"""Characters; every published description has fewer than 1,000."""


def format_record(set_name: str, description: dict[str, Any]) -> str:
    """The notation: keys sorted, a space after each comma and colon."""
    return f"{set_name}#{json.dumps(description, sort_keys=True)}"


def read_record(
    text: str, sets: Collection[str], keys: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """The set and the description that a text names.

    Raises:
        MalformedInput: it is none; the message names the place.
    """
    if len(text) > LONGEST:
        raise malformed_record(text[:80], f"it has {len(text):,} characters, more than {LONGEST:,}")
    set_name, mark, description = text.partition("#")
    set_name = set_name.strip()
    if not mark or set_name not in sets:
        raise malformed_record(
            text, f"it begins with {set_name[:40]!r}, not with one of {', '.join(sets)} and '#'"
        )
    try:
        found = json.loads(description, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise malformed_record(text, f"what follows '#' is no JSON ({error})") from error
    if not isinstance(found, dict) or set(found) != set(keys):
        there = ", ".join(sorted(found)) if isinstance(found, dict) else type(found).__name__
        raise malformed_record(
            text, f"its description has {there or 'nothing'} instead of {', '.join(sorted(keys))}"
        )
    return set_name, found


def malformed_record(text: str, reason: str) -> MalformedInput:
    """The error for a text that describes no network of its set."""
    return MalformedInput(
        f"{text!r} is not an NDS architecture: {reason} "
        "(write the set, '#' and the network description of the published files as JSON)"
    )


def whole_number(value: Any, text: str, name: str, largest: int) -> int:
    """The value, if it is a whole number from 1 to the largest.

    Raises:
        MalformedInput: it is not; the message has its name.
    """
    if type(value) is not int or not 1 <= value <= largest:
        raise malformed_record(text, f"{name} is {value!r}, not a whole number of 1 to {largest}")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number here")
