"""REINFORCE: a policy that makes every decision learns from the networks it proposes."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
)
from untrained.harness.search.policy import Policy


@register_searcher(
    name="reinforce",
    title="REINFORCE",
    reference="Williams, Machine Learning 8, 1992; as a baseline in Dong and Yang, NAS-Bench-201, "
    "ICLR 2020",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    by="accuracy",
    endless={"steps": 0},
    deviations="The learning rate 0.01 is that of the NATS-Bench authors' scripts. Which one the "
    "published NAS-Bench-201 row had is not known: the script takes it as an argument, its usage "
    "line shows 0.001 and its grid 0.01 to 0.5. The script counts the network that no longer fits "
    "into the budget among those it chooses from, and adds the seconds of its own computation. By "
    "scores: the reward of a network without a finite score is the lowest so far.",
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
    """The answer is the best network ever proposed."""
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
