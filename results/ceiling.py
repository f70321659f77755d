"""The noise ceiling: how well one training run of the same architectures ranks another one."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.results.top import TopSlice


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One column of truth, taken as if it were an indicator's scores, against another.

    The two differ by the noise of both. A perfect prediction of what training gives on average
    would differ from `second` by the noise of one, so an indicator may lie somewhat above; one that
    lies far above has been fitted to `second`. A mean over training seeds is less noisy than one
    seed, and so is its ceiling higher.
    """

    first: str
    """What plays the indicator, in words: `cifar10 test accuracy, seed 1`."""
    second: str
    """What plays the truth; the slices are the best by this one."""
    n: int
    """Networks that have both values."""
    tau: float
    tau_low: float
    tau_high: float
    rho: float
    rho_low: float
    rho_high: float
    slices: tuple[TopSlice, ...]
    """The same top slices as the table's; by ascending fraction."""
