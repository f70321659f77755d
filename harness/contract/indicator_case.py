"""An indicator under examination."""

from __future__ import annotations

from dataclasses import dataclass, field

from untrained.harness.contract.laboratory import HEALTHY, Laboratory, Situation
from untrained.harness.contract.promise import Inapplicable
from untrained.indicators import Indicator, Need, Reading


@dataclass(frozen=True, slots=True)
class IndicatorCase:
    """An indicator, and where its readings come from."""

    item: Indicator
    laboratory: Laboratory = field(default_factory=Laboratory)

    def reading(self, situation: Situation) -> Reading:
        """What it gives in a situation."""
        return self.laboratory.reading(self.item, situation)

    def needs(self, *needs: Need) -> bool:
        """Whether it declares one of these."""
        return bool(self.item.needs & set(needs))

    @property
    def usual(self) -> float:
        """Its score of the healthy network, which others are compared with.

        Raises:
            Inapplicable: it has none, which another promise reports.
        """
        reading = self.reading(HEALTHY)
        if reading.status != "ok":
            raise Inapplicable("it has no score of the healthy network to compare with")
        return reading.value


def described(reading: Reading) -> str:
    """A reading in words."""
    if reading.status == "ok":
        return f"{reading.value!r}"
    return f"status {reading.status!r} ({reading.reason})"
