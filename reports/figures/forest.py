"""A forest plot inside a table: each interval as a bar on one scale that all rows share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 176.0
"""Pixels of the scale, without the margins that keep dots and labels at its ends whole."""
MARGIN = 12.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One row in pixels from the left edge of the cell."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place of the scale."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Forest:
    """The scale of a table's intervals."""

    left: float
    right: float
    step: float

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """A tick at every step, ends included."""
        number = round((self.right - self.left) / self.step)
        values = [self.left + i * self.step for i in range(number + 1)]
        return tuple(Tick(self.place(value), f"{value:z.1f}") for value in values)

    def place(self, value: float) -> float:
        """Pixels from the left edge, to a tenth."""
        share = (value - self.left) / (self.right - self.left)
        return round(MARGIN + WIDTH * share, 1)

    def bar(self, low: float, middle: float, high: float) -> Bar | None:
        """The bar of an estimate; without an interval only its dot; None where it is missing."""
        if math.isnan(middle):
            return None
        if math.isnan(low) or math.isnan(high):
            low = high = middle
        return Bar(self.place(low), self.place(middle), self.place(high))


def forest(values: Iterable[float]) -> Forest:
    """The narrowest scale with round ends that holds zero and all values.

    Args:
        values: correlations and ends of their intervals, in [-1, 1]; NaN are left out.

    Returns:
        A scale with at most six ticks.
    """
    known = [value for value in values if not math.isnan(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    step = next(
        s for s in (0.1, 0.2, 0.5) if math.ceil(high / s - 1e-9) - math.floor(low / s + 1e-9) <= 5
    )
    left = math.floor(low / step + 1e-9) * step
    right = max(math.ceil(high / step - 1e-9), round(left / step) + 1) * step
    return Forest(left, right, step)
