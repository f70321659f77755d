"""REINFORCE: a policy gradient over independent decisions."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray

from untrained.harness.search import (
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
)
from untrained.spaces.framework.product_space import Decisions

_INITIAL_SCALE = 1e-3


class Policy:
    """Logits of every choice, trained by Adam on -log p (reward - baseline).

    The baseline b, the moving exponential mean of the rewards corrected for its start at zero,
    includes the current reward:

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
        self._sizes = list(decisions.choices)
        # one tensor of all decisions: an optimiser of many small ones would take most of the time
        drawn = [_INITIAL_SCALE * rng.standard_normal(n) for n in self._sizes]
        self._logits = torch.tensor(np.concatenate(drawn), requires_grad=True)
        self._optimiser = torch.optim.Adam([self._logits], lr=learning_rate)
        self._momentum = momentum
        self._mean = 0.0
        self._updates = 0
        self._probabilities = self._softmax()

    def _softmax(self) -> list[NDArray[np.float64]]:
        with torch.no_grad():
            if len(set(self._sizes)) == 1:
                return list(torch.softmax(self._logits.view(len(self._sizes), -1), 1).numpy())
            return [torch.softmax(one, 0).numpy() for one in torch.split(self._logits, self._sizes)]

    @property
    def probabilities(self) -> list[NDArray[np.float64]]:
        """Probabilities of every decision's choices."""
        return self._probabilities

    @property
    def entropy(self) -> float:
        """Entropy in nats, summed over the decisions."""
        return float(sum(-(p * np.log(p)).sum() for p in self.probabilities))

    @property
    def likeliest(self) -> tuple[int, ...]:
        """The likeliest choice of every decision."""
        return tuple(int(p.argmax()) for p in self.probabilities)

    def sample(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Draw one choice per decision."""
        uniform = rng.random(len(self._sizes))
        return tuple(
            _chosen(p, draw) for p, draw in zip(self.probabilities, uniform.tolist(), strict=True)
        )

    def update(self, chosen: tuple[int, ...], reward: float) -> None:
        """Make one step of Adam."""
        self._updates += 1
        self._mean = self._momentum * self._mean + (1 - self._momentum) * reward
        baseline = self._mean / (1 - self._momentum**self._updates)
        # d(-log p)/d logits in closed form: building a graph would take most of the time
        gradient = np.concatenate(self.probabilities)
        gradient[np.cumsum([0, *self._sizes[:-1]]) + np.array(chosen)] -= 1.0
        self._logits.grad = torch.from_numpy(gradient * (reward - baseline))
        self._optimiser.step()
        self._probabilities = self._softmax()


def _chosen(probabilities: NDArray[np.float64], uniform: float) -> int:
    """Choose by a uniform number, as `numpy.random.Generator.choice` does with probabilities."""
    up_to = probabilities.cumsum()
    return int((up_to / up_to[-1]).searchsorted(uniform, side="right"))


@register_searcher(
    name="reinforce",
    title="REINFORCE",
    reference="Williams, Machine Learning 8, 1992; as a baseline in Dong and Yang, NAS-Bench-201, "
    "ICLR 2020",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    by="accuracy",
    endless={"steps": 0},
    deviations="The learning rate 0.01 is that of the NATS-Bench authors' scripts. Which one the "
    "published NAS-Bench-201 row had is not known: the authors' document says 0.5, which does not "
    "give the row. Their first script had 0.001 and answered with the policy's arg-max, the later "
    "one, as here, with the best of all proposals. The script counts the network that no longer "
    "fits into the budget among those it chooses from, and adds the seconds of its own "
    "computation. By scores: the reward of a network without a finite score is the lowest so far.",
)
def reinforce(
    problem: Problem,
    rng: np.random.Generator,
    *,
    learning_rate: Annotated[float, Parameter("of Adam", least=0)] = 0.01,
    momentum: Annotated[float, Parameter("of the baseline", least=0, most=0.999999)] = 0.9,
    steps: Annotated[
        int, Parameter("networks proposed; 0, until the budget is spent", least=0)
    ] = 0,
) -> Steps:
    """Train a policy on its proposals; the answer is the best network ever proposed."""
    decisions = problem.decisions
    policy = Policy(decisions, rng, learning_rate=learning_rate, momentum=momentum)
    history = History(problem)
    lowest = math.inf
    while not steps or len(history.evaluations) < steps:
        proposed = problem.admitted(lambda: decisions.architecture(policy.sample(rng)))
        [evaluated] = yield from problem.evaluate([proposed])
        history.add(evaluated)
        reward = history.latest_value()
        if math.isfinite(reward):
            lowest = min(lowest, reward)
        elif math.isfinite(lowest):
            reward = lowest
        if math.isfinite(reward):
            policy.update(decisions.chosen(proposed), reward)
        yield Incumbent(history.best.architecture, {"entropy": policy.entropy})
    return None
