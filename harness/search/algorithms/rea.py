"""Regularised evolution: the oldest dies, whoever is best of a few gives birth."""

from __future__ import annotations

from collections import deque

import numpy as np

from untrained.harness.search import (
    BY,
    EPOCHS,
    Asks,
    Evaluation,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    evaluate,
    register_searcher,
)


@register_searcher(
    name="rea",
    title="Regularised evolution",
    reference="Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI "
    "2019, Algorithm 1",
    asks=frozenset({Asks.accuracy, Asks.scores}),
    parameters={
        "by": BY,
        "epochs": EPOCHS,
        "population": Parameter(meaning="networks alive at once", least=1),
        "tournament": Parameter(meaning="of which the best becomes a parent", least=1),
        "steps": Parameter(meaning="children; 0, until the budget is spent", least=0),
    },
    endless={"steps": 0},
    deviations="Population 10 and tournament 3 are those of the NAS-Bench-201 authors' script, for "
    "a budget of 12,000 s. A mutation is a uniformly drawn neighbour; their script draws a node of "
    "the cell and then one of its edges, so that the first edge changes more often.",
)
def rea(
    problem: Problem,
    rng: np.random.Generator,
    *,
    by: str = "accuracy",
    epochs: int = 0,
    population: int = 10,
    tournament: int = 3,
    steps: int = 0,
) -> Steps:
    """The answer is the best network ever seen, dead or alive.

    Args:
        problem: where to search.
        rng: draws the first networks, tournaments and mutations.
        by: what is maximised.
        epochs: of a training.
        population: networks alive at once.
        tournament: drawn with replacement, as the paper's algorithm does.
        steps: children; 0 for no end.

    Yields:
        Requests and incumbents.

    Returns:
        None: the last incumbent.
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
        [evaluated] = yield from evaluate([child], by=by, epochs=epochs)
        alive.append(evaluated)
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None
