"""Quantities: what indicators look at, computed at most once a measurement, with its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from untrained.indicators.measurement import Measurement

V = TypeVar("V")


@dataclass(slots=True)
class Cost:
    """What a piece of work cost, without the quantities it used."""

    own_s: float = 0.0
    own_peak_bytes: int | None = None
    total_s: float = 0.0
    """`own_s` and the own seconds of every quantity used, directly or not, each once."""
    peak_bytes: int | None = None
    """The largest peak among the same."""


def quantity(function: Callable[[Measurement], V]) -> Callable[[Measurement], V]:
    """Make a function of a measurement a quantity: computed lazily, at most once, and metered.

    An exception is an outcome like any other: a second indicator that needs the quantity gets the
    same exception without paying for it again.
    """

    @wraps(function)
    def once(measurement: Measurement) -> V:
        result: Any = measurement.quantity(function)
        return result  # type: ignore[no-any-return]

    return once
