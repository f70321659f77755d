"""A search beside drawing networks at random for as long."""

from __future__ import annotations

import math
from dataclasses import dataclass

from untrained.results.searches import Summary


@dataclass(frozen=True, slots=True)
class EqualCost:
    """What a search found, and what the best of as many random networks is worth as it paid for."""

    search: str
    found: Summary
    """By the search, over its runs."""
    cost_s: float
    """Mean over the runs."""
    n: int
    """Networks that may be drawn for it, at least one."""
    price_s: float
    """Mean or median seconds of evaluating one."""
    mean: float
    """Of the best of them."""
    sd: float
    """Of one such random search."""
    simulated: int
    """How many random searches that is the mean over; 0: exact."""
    criterion: str
    """What chooses among them."""

    @property
    def difference(self) -> float:
        """The search's mean minus that of random search."""
        return self.found.mean - self.mean

    @property
    def standard_errors(self) -> float:
        """The difference in standard errors of both means together."""
        own = self.sd / math.sqrt(self.simulated) if self.simulated else 0.0
        error = math.hypot(self.found.standard_error, own)
        return self.difference / error if error else math.nan
