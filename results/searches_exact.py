"""What drawing N networks and keeping the best gives, exactly instead of by simulation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def best_of_n(criterion: Floats, values: Floats, n: int) -> tuple[float, float]:
    """Mean and standard deviation of the value of the best of N draws with replacement.

    Sorted by the criterion, the best of N is one of the networks up to place i with probability
    (i / M)^N. Among networks of equal criterion the first drawn wins, which is each of them
    equally often. A missing criterion loses against every other.

    Args:
        criterion: what decides, larger is better; NaN is missing. Shape (M,).
        values: what is reported of the winner, without NaN. Shape (M,).
        n: number of draws, at least 1.

    Returns:
        Mean and standard deviation.
    """
    weights = winning_probabilities(criterion, n)
    mean = float(weights @ values)
    return mean, float(np.sqrt(weights @ (values - mean) ** 2))


def winning_probabilities(criterion: Floats, n: int) -> Floats:
    """How likely each network is the best of N draws with replacement; see `best_of_n`.

    Args:
        criterion: what decides; NaN is missing.
        n: number of draws.
    """
    order = np.where(np.isnan(criterion), -np.inf, criterion)
    # a missing criterion loses even against minus infinity
    keys = np.stack([~np.isnan(criterion), order], axis=1)
    _, group, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    up_to = np.cumsum(sizes) / len(criterion)
    chance = np.diff(up_to**n, prepend=0.0)
    return np.asarray((chance / sizes)[group.ravel()], dtype=np.float64)
