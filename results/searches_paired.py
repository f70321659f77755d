"""Two searches whose runs drew the same networks: what one found more than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from untrained.results.searches import Floats


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of first minus second over runs that come in pairs.

    The interval is about the draws of the searches, not about other networks: it narrows with the
    number of runs, whatever the number of networks.
    """

    runs: int
    """Pairs in which both found something."""
    mean: float
    low: float
    high: float


def paired_difference(
    first: Floats, second: Floats, *, confidence: float = 0.95
) -> PairedDifference:
    """The mean difference and its normal interval.

    Args:
        first: one value a run; NaN where it found nothing.
        second: those of the runs that drew the same.
        confidence: in (0, 1).

    Returns:
        NaN for what fewer than two pairs do not tell.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    known = differences[~np.isnan(differences)]
    nan = float("nan")
    if not known.size:
        return PairedDifference(0, nan, nan, nan)
    mean = float(known.mean())
    if known.size < 2:
        return PairedDifference(1, mean, nan, nan)
    half = float(ndtri((1 + confidence) / 2) * known.std(ddof=1) / np.sqrt(known.size))
    return PairedDifference(known.size, mean, mean - half, mean + half)
