"""NASI's reward of a trace norm, and its normalised sum of gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Penalty:
    """R = T - mu max(0, T - nu); eq. 13 of the NASI paper.

    mu = 1 is flat above nu; mu = 2 falls above nu as it rises below, so that R is largest at nu.
    With a quantile, nu is that of all traces seen so far (ours, the paper's rule is unknown to
    us), and the given one before the first.
    """

    def __init__(self, mu: float, nu: float, *, quantile: float | None = None) -> None:
        """Begin with this nu."""
        self._mu = mu
        self.nu = nu
        self._quantile = quantile
        self._seen: list[float] = []

    def reward(self, trace: float) -> float:
        """R of T."""
        return trace - self._mu * max(0.0, trace - self.nu)

    def slope(self, trace: float) -> float:
        """dR/dT; at nu itself that from below."""
        return 1.0 - self._mu if trace > self.nu else 1.0

    def see(self, trace: float) -> None:
        """Take a trace into account from the next step on."""
        self._seen.append(trace)
        if self._quantile is not None:
            self.nu = float(np.quantile(self._seen, self._quantile))


class RunningMaximum:
    """sum_t G_t / max(|G_1|, ..., |G_t|) over the number of gradients; eq. 18 of the NASI paper."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Begin with no gradient."""
        self._sum = np.zeros(shape)
        self._largest = 0.0
        self._number = 0

    def add(self, gradient: NDArray[np.float64]) -> None:
        """Take in G_t; one that is not finite counts as zero, for it shows no direction.

        Args:
            gradient: of the shape of the others.
        """
        self._number += 1
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm):
            return
        self._largest = max(self._largest, norm)
        if self._largest > 0:
            self._sum += gradient / self._largest

    @property
    def mean(self) -> NDArray[np.float64]:
        """Zeros before the first."""
        result: NDArray[np.float64] = self._sum / max(self._number, 1)
        return result
