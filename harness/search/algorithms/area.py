"""AREA: regularised evolution that starts from the best of some scored networks."""

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
    Scored,
    Steps,
    register_searcher,
    score,
    train,
)


@register_searcher(
    name="area",
    title="Assisted regularised evolution",
    reference="Mellor et al., Neural Architecture Search without Training, ICML 2021, Algorithm 2",
    asks=frozenset({Asks.drawn_scores, Asks.accuracy}),
    endless={"steps": 0},
    deviations="The paper does not give the tournament size and its code has no driver; 3 is that "
    "of the NAS-Bench-201 authors' script. A mutation is a uniformly drawn neighbour, where their "
    "helper draws a node and then one of its edges. Fitness is always the validation accuracy; "
    "their NAS-Bench-101 helper uses the test accuracy.",
)
def area(
    problem: Problem,
    rng: np.random.Generator,
    *,
    scored: Annotated[int, Parameter("networks scored before the evolution", least=1)] = 20,
    population: Annotated[int, Parameter("of these, the best start the evolution", least=1)] = 10,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 3,
    steps: Annotated[int, Parameter("children; 0, until the budget is spent", least=0)] = 0,
) -> Steps:
    """Scores choose the first population; from then on validation accuracies decide."""
    drawn: list[Scored] = []
    for _ in range(max(scored, population)):
        drawn += yield from score([problem.sample(rng)])
        yield Incumbent(drawn[problem.best(drawn)].architecture)
    fitness = np.nan_to_num(problem.fitness(drawn), nan=-np.inf)
    order = np.argsort(-fitness, kind="stable")
    history = History(problem)
    alive: deque[Evaluation] = deque()
    for place in order[:population]:
        [evaluated] = yield from train([drawn[int(place)].architecture], problem.epochs)
        alive.append(evaluated)
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    number = 0
    while not steps or number < steps:
        number += 1
        places = rng.choice(len(alive), size=min(tournament, len(alive)), replace=False)
        entrants = [alive[int(i)] for i in np.sort(places)]
        parent = entrants[problem.best(entrants)].architecture
        [evaluated] = yield from train([problem.mutate(parent, rng)], problem.epochs)
        alive.append(evaluated)
        alive.popleft()
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None
