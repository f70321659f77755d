"""Which differences between indicators are more than chance: paired bootstrap and Holm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PairComparison:
    """The difference of two indicators' tau-b over the networks that both have a score for."""

    first: str
    second: str
    n: int
    delta: float
    """tau-b of `first` minus that of `second`."""
    delta_low: float
    delta_high: float
    p: float
    """Two-sided paired bootstrap p-value: 2 (1 + m) / (1 + R), at most 1, where m is the smaller
    of the numbers of resamples whose difference is <= 0 and >= 0, of R. It cannot be smaller than
    2 / (1 + R). NaN without resamples."""
    p_holm: float
    """p adjusted by Holm's step-down method for all pairs of the table that have a p."""
