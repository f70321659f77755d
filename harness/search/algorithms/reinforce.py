"""REINFORCE: a policy that makes every decision learns from the networks it proposes."""

from __future__ import annotations

import math

import numpy as np

from untrained.harness.search import (
    BY,
    EPOCHS,
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    evaluate,
    register_searcher,
)
from untrained.harness.search.policy import Policy


@register_searcher(
    name="reinforce",
    title="REINFORCE",
    reference="Williams, Machine Learning 8, 1992; as a baseline in Dong and Yang, NAS-Bench-201, "
    "ICLR 2020",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    parameters={
        "by": BY,
        "epochs": EPOCHS,
        "learning_rate": Parameter(meaning="of Adam", least=0),
        "momentum": Parameter(meaning="of the baseline", least=0, most=0.999999),
        "steps": Parameter(meaning="networks proposed; 0, until the budget is spent", least=0),
    },
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
    by: str = "accuracy",
    epochs: int = 0,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    steps: int = 0,
) -> Steps:
    """The answer is the best network ever proposed.

    Args:
        problem: where to search; a product of decisions.
        rng: draws the first policy and the networks.
        by: what is maximised.
        epochs: of a training.
        learning_rate: of Adam.
        momentum: of the baseline.
        steps: networks proposed; 0 for no end.

    Yields:
        Requests and incumbents.

    Returns:
        None: the last incumbent.
    """
    decisions = problem.decisions
    policy = Policy(decisions, rng, learning_rate=learning_rate, momentum=momentum)
    history = History(problem)
    lowest = math.inf
    while not steps or len(history.evaluations) < steps:
        proposed = problem.admitted(lambda: decisions.architecture(policy.sample(rng)))
        [evaluated] = yield from evaluate([proposed], by=by, epochs=epochs)
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
