"""Which indicators say the same: Spearman's rho between all of them, clustered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Spearman's rho between indicators, similar ones side by side."""

    indicators: tuple[str, ...]
    """In the order of the clustering; rows and columns of `rho`."""
    rho: tuple[tuple[float, ...], ...]
    """rho[i][j] over the networks that both have; larger is better on both sides. NaN where there
    are fewer than three, or one side is constant."""
    n: tuple[tuple[int, ...], ...]
    """Networks that both have."""
    linkage: tuple[tuple[float, float, float, float], ...]
    """Average linkage of the distances 1 - |rho| as scipy writes it: the two clusters joined,
    their distance, and how many indicators they hold. Clusters below `len(indicators)` are
    positions in `indicators`. Undefined rho counts as distance 1."""
