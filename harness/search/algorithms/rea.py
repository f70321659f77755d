"""Regularised evolution: the oldest dies, whoever is best of a few gives birth."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    Evaluation,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
)


@register_searcher(
    name="rea",
    title="Regularised evolution",
    reference="Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI "
    "2019, Algorithm 1",
    asks=frozenset({Asks.accuracy, Asks.scores}),
    by="accuracy",
    endless={"steps": 0},
    deviations="Population 10 and tournament 3 are those of the NAS-Bench-201 authors' script, for "
    "a budget of 12,000 s. A mutation is a uniformly drawn neighbour; their script draws a node of "
    "the cell and then one of its edges, so that the first edge changes more often.",
)
def rea(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 10,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 3,
    steps: Annotated[int, Parameter("children; 0, until the budget is spent", least=0)] = 0,
) -> Steps:
    """The answer is the best network ever seen, dead or alive.

    Tournaments are drawn with replacement, as in the algorithm of the paper.
    """
    alive: deque[Evaluation] = deque()
    history = History(problem)
    number = 0
    while len(alive) < population or not steps or number < steps:
        if len(alive) < population:
            child = problem.sample(rng)
        else:
            number += 1
            drawn = rng.integers(len(alive), size=tournament)
            entrants = [alive[int(i)] for i in np.sort(drawn)]
            child = problem.mutate(entrants[problem.best(entrants)].architecture, rng)
            alive.popleft()
        [evaluated] = yield from problem.evaluate([child])
        alive.append(evaluated)
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None
