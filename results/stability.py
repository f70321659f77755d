"""How much an indicator's ranking depends on the seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stability:
    """The same indicator on the same networks under several seeds."""

    seeds: tuple[int, ...]
    n: int
    """Networks that have a score under every seed and a true value."""
    rho: float
    """Mean of Spearman's rho between the scores of two seeds, over all pairs of seeds."""
    rho_min: float
    """The worst pair."""
    taus: tuple[float, ...]
    """tau-b with the truth, one a seed."""
    tau_mean: float
    tau_sd: float
    """Sample standard deviation over seeds (divisor: seeds - 1)."""
