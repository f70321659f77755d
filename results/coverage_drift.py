"""Whether fewer networks get a score than before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class CoverageDrift:
    """How many networks of a baseline have a score now, and had one."""

    n: int
    """Networks of the baseline."""
    scored_before: float
    """With a score; the mean over the old seeds."""
    scored: int
    lost: tuple[str, ...]
    """Those that had a score under every old seed and have none now, sorted."""
    gained: tuple[str, ...]
    """Those that had none under any old seed and have one now, sorted."""
    p: float
    """One-sided: chance of as many missing scores if nothing has changed and seeds decide which
    network has one; 0 or 1 where no network's old scores are partly missing."""


def coverage_drift(old: pd.DataFrame, new: pd.Series[float]) -> CoverageDrift:
    """How coverage changed.

    Under the hypothesis that nothing has changed, the K old scores and the new one of a network are
    exchangeable (`score_drift` says why): given that m of the K + 1 are missing, the new one is
    with probability m / (K + 1). Networks are independent, so the number of missing new scores is a
    sum of independent unlike coin tosses, whose distribution is computed exactly.

    With a single old seed that is the new one too, nothing is random and any loss counts: look at
    `lost` then, not at p.

    Args:
        old: one column a seed, indexed by architecture; NaN where there is no score.
        new: by architecture; what it does not list is missing.
    """
    missing = np.isnan(old.to_numpy(dtype=np.float64))
    absent = np.isnan(new.reindex(old.index).to_numpy(dtype=np.float64))
    chances = (missing.sum(axis=1) + absent) / (missing.shape[1] + 1)
    never, always = missing.all(axis=1), ~missing.any(axis=1)
    return CoverageDrift(
        n=absent.size,
        scored_before=float((~missing).sum() / missing.shape[1]),
        scored=int((~absent).sum()),
        lost=tuple(sorted(map(str, old.index[absent & always]))),
        gained=tuple(sorted(map(str, old.index[~absent & never]))),
        p=_at_least(int(absent.sum()), chances),
    )


def _at_least(count: int, chances: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """P(sum of independent coin tosses >= count)."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(min(1.0, distribution[count:].sum()))
