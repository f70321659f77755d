"""A policy that makes every decision independently, trained by the policy gradient."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from untrained.spaces.framework.product_space import Decisions

_INITIAL_SCALE = 1e-3


class Policy:
    """Logits of every choice; Adam on -log p (reward - baseline), with a moving baseline.

    The baseline b is the exponential mean of the rewards, corrected for its start at zero, and
    takes in the current reward before it is subtracted:

        m <- momentum m + (1 - momentum) r,  b = m / (1 - momentum^t)
    """

    def __init__(
        self,
        decisions: Decisions,
        rng: np.random.Generator,
        *,
        learning_rate: float,
        momentum: float,
    ) -> None:
        """Start near the uniform policy, logits drawn from N(0, 1e-6)."""
        self._logits = [
            torch.tensor(_INITIAL_SCALE * rng.standard_normal(n), dtype=torch.float64)
            for n in decisions.choices
        ]
        for logits in self._logits:
            logits.requires_grad_()
        self._optimiser = torch.optim.Adam(self._logits, lr=learning_rate)
        self._momentum = momentum
        self._mean = 0.0
        self._updates = 0

    @property
    def probabilities(self) -> list[NDArray[np.float64]]:
        """Of every decision's choices."""
        with torch.no_grad():
            return [torch.softmax(logits, 0).numpy() for logits in self._logits]

    @property
    def entropy(self) -> float:
        """Sum over the decisions, in nats."""
        return float(sum(-(p * np.log(p)).sum() for p in self.probabilities))

    @property
    def likeliest(self) -> tuple[int, ...]:
        """The likeliest choice of every decision."""
        return tuple(int(p.argmax()) for p in self.probabilities)

    def sample(self, rng: np.random.Generator) -> tuple[int, ...]:
        """One choice a decision."""
        return tuple(int(rng.choice(len(p), p=p)) for p in self.probabilities)

    def update(self, chosen: tuple[int, ...], reward: float) -> None:
        """One step of Adam."""
        self._updates += 1
        self._mean = self._momentum * self._mean + (1 - self._momentum) * reward
        baseline = self._mean / (1 - self._momentum**self._updates)
        self._optimiser.zero_grad()
        for logits, choice in zip(self._logits, chosen, strict=True):
            # d(-log p)/d logits in closed form: building a graph would take most of the time
            one_hot = torch.zeros_like(logits)
            one_hot[choice] = 1.0
            with torch.no_grad():
                logits.grad = (torch.softmax(logits, 0) - one_hot) * (reward - baseline)
        self._optimiser.step()
