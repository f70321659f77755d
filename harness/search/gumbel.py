"""Architecture weights drawn by the Gumbel-softmax, and gradients back through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax


@dataclass(frozen=True, slots=True, eq=False)
class GumbelSoftmax:
    """One draw: softmax((alpha + g) / temperature) of each edge, g ~ Gumbel(0, 1).

    Reference: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017.
    """

    soft: NDArray[np.float64]
    """(edges, operations)."""
    weights: NDArray[np.float64]
    """`soft`, or one-hot at its largest."""
    temperature: float

    @classmethod
    def draw(
        cls,
        alpha: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        temperature: float,
        hard: bool,
    ) -> GumbelSoftmax:
        """Draw the weights of all edges.

        Args:
            alpha: (edges, operations).
            rng: draws the noise.
            temperature: above 0.
            hard: one operation an edge.

        Returns:
            The draw.
        """
        soft = softmax((alpha + rng.gumbel(size=alpha.shape)) / temperature, axis=1)
        weights = np.eye(alpha.shape[1])[soft.argmax(1)] if hard else soft
        return cls(soft, weights, temperature)

    def backward(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gradient by alpha, of one by the weights.

        For one-hot weights it is that of the softmax (straight through).

        Args:
            gradient: (edges, operations).
        """
        mean = (self.soft * gradient).sum(1, keepdims=True)
        slope: NDArray[np.float64] = self.soft * (gradient - mean) / self.temperature
        return slope
