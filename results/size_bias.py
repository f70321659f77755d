"""How much of a rank correlation is the size of the network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartialCorrelation:
    """Rank correlation of score and truth with the ranks of some sizes held fixed.

    Both are -P_xy / sqrt(P_xx P_yy), P the inverse of the matrix of correlations between score,
    truth and the sizes: of Spearman's rho (the same as Pearson's correlation of what a linear
    regression on the sizes' mid-ranks leaves of the mid-ranks of score and truth), and of tau-b
    (Kendall's partial tau). Ranks are those of a size or of its logarithm alike. NaN where the
    sizes determine the ranks of the score or of the truth.
    """

    given: tuple[str, ...]
    """The sizes: `params`, `flops` or both."""
    n: int
    """Networks that have the score and these sizes."""
    rho: float
    rho_low: float
    rho_high: float
    tau: float
    tau_low: float
    tau_high: float


@dataclass(frozen=True, slots=True)
class SizeBin:
    """tau-b among networks of about the same size."""

    low: float
    """Smallest size in the bin."""
    high: float
    """Largest size in the bin."""
    n: int
    tau: float
    """NaN with fewer than three networks, or where one side is constant."""


@dataclass(frozen=True, slots=True)
class SizeBins:
    """tau-b within bins of equal size, about equally many networks in each.

    Networks of the same size are never parted, so bins differ in number where sizes tie.
    """

    size: str
    """What is binned: `flops`."""
    bins: tuple[SizeBin, ...]
    """By ascending size."""
    tau: float
    """Mean of the bins' tau weighted by their networks, over the bins that have one."""


@dataclass(frozen=True, slots=True)
class SizeBias:
    """What an indicator says beyond the size of the network."""

    rho_with: tuple[tuple[str, float], ...]
    """Spearman's rho of the score with each size: `(("params", 0.87), ("flops", 0.85))`."""
    partial: tuple[PartialCorrelation, ...]
    """Given each size, then given all."""
    bins: SizeBins | None
    """None where there is no size to bin by."""
