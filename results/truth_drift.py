"""Whether the truth is what it was: the same values for the same networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from untrained.results.population import floats
from untrained.results.ranking import kendall_tau_b
from untrained.results.rankings import MIN_NETWORKS
from untrained.results.score_changes import largest_difference

TRUTH_TOLERANCE = 1e-6
"""Relative difference up to which two true values are the same: tables hold single precision."""


@dataclass(frozen=True, slots=True)
class TruthDrift:
    """True values now beside those of a baseline."""

    n: int
    """Networks with a value on both sides."""
    different: int
    """... whose two values differ by more than rounding."""
    lost: int
    """Networks with a value before and none now."""
    gained: int
    tau: float
    """Rank agreement of the two, tau-b; NaN with fewer than three networks or a constant side."""
    largest_difference: float
    """Relative to the larger value; NaN without networks."""

    @property
    def same(self) -> bool:
        """Whether nothing has changed."""
        return not (self.different or self.lost or self.gained)


def truth_drift(old: pd.Series[float], new: pd.Series[float]) -> TruthDrift:
    """How the truth has changed.

    Args:
        old: by architecture; NaN where there is no value.
        new: by architecture; what it does not list has none.
    """
    x, y = floats(old), floats(new.reindex(old.index))
    had, has = ~np.isnan(x), ~np.isnan(y)
    a, b = x[had & has], y[had & has]
    return TruthDrift(
        n=a.size,
        different=int((np.abs(a - b) > TRUTH_TOLERANCE * np.maximum(abs(a), abs(b))).sum()),
        lost=int((had & ~has).sum()),
        gained=int((~had & has).sum()),
        tau=kendall_tau_b(a, b) if a.size >= MIN_NETWORKS else math.nan,
        largest_difference=largest_difference(a, b),
    )
