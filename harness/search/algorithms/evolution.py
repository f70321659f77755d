"""Evolutionary searchers: regularised, assisted, GenNAS's and constrained evolution."""

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
    name="rea",
    title="Regularised evolution",
    reference="Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI "
    "2019, Algorithm 1",
    asks=frozenset({Asks.accuracy, Asks.scores}),
    by="accuracy",
    repeats=True,
    endless={"steps": 0},
    deviations="Population 10 and tournament 3 are those of the NAS-Bench-201 authors' script, for "
    "a budget of 12,000 s. A mutation is a uniformly drawn neighbour; their script draws a node of "
    "the cell and then one of its edges, so that the first edge changes more often. With several "
    "draws networks are compared as in Variation Matters (arXiv:2502.19657, 2025: 10 draws, "
    "p < 0.05), known from a summary: the oldest of a tournament wins unless a younger one is "
    "better by the test.",
)
def rea(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 10,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 3,
    steps: Annotated[int, Parameter("children; 0, until the budget is spent", least=0)] = 0,
) -> Steps:
    """Replace the oldest network by a child of the best of a tournament.

    The answer is the best network ever seen, dead or alive. Tournaments are drawn with
    replacement, as in the algorithm of the paper.
    """
    alive: deque[Evaluation] = deque()
    history = History(problem)
    number = 0
    while len(alive) < population or not steps or number < steps:
        if len(alive) < population:
            child = problem.sample(rng)
        else:
            number += 1
            parent = problem.tournament(alive, rng, tournament, replace=True)
            child = problem.mutate(parent, rng)
            alive.popleft()
        [evaluated] = yield from problem.evaluate([child])
        alive.append(evaluated)
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None


@register_searcher(
    name="area",
    title="Assisted regularised evolution",
    reference="Mellor et al., Neural Architecture Search without Training, ICML 2021, Algorithm 2",
    asks=frozenset({Asks.drawn_scores, Asks.accuracy}),
    endless={"steps": 0},
    deviations="The paper does not give the tournament size and its code has no driver; 3 is that "
    "of the NAS-Bench-201 authors' script. A mutation is a uniformly drawn neighbour, where their "
    "helper draws a node and then one of its edges. Fitness is always the validation accuracy; "
    "their NAS-Bench-101 helper uses the test accuracy. Tournaments are drawn as in REA.",
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
    """Choose the first population by scores, then evolve by validation accuracies.

    Networks without a score come last. Tournaments are drawn with replacement, as those of `rea`,
    which the search is compared with: without it alone AREA gains what is then put down to scores.
    """
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
        parent = problem.tournament(alive, rng, tournament, replace=True)
        [evaluated] = yield from train([problem.mutate(parent, rng)], problem.epochs)
        alive.append(evaluated)
        alive.popleft()
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None


@register_searcher(
    name="gennas",
    title="GenNAS",
    reference="Li et al., Generic Neural Architecture Search via Regression, NeurIPS 2021, "
    "architecture search",
    asks=frozenset({Asks.scores}),
    deviations="The answer is the best of all that was scored; the authors' script logs and gives "
    "none. Tournaments are drawn without replacement. Spaces that are no product of decisions "
    "mutate by one decision instead of by the script's own rule for each.",
)
def gennas(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 50,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 10,
    steps: Annotated[int, Parameter("children", least=0)] = 400,
    rate: Annotated[
        float, Parameter("probability that a decision is drawn anew in a child", least=0, most=1)
    ] = 0.2,
) -> Steps:
    """Evolve by scores: each child replaces the oldest network.

    The paper's score is the final loss of a regression, an indicator of `--indicator`. A decision
    that is drawn anew may come out as it was.
    """
    alive: deque[Evaluation] = deque()
    history = History(problem)
    for number in range(population + steps):
        if number < population:
            child = problem.sample(rng)
        else:
            parent = problem.tournament(alive, rng, tournament)
            child = problem.redraw(parent, rng, rate)
            alive.popleft()
        [scored] = yield from score([child])
        alive.append(scored)
        history.add(scored)
        yield Incumbent(history.best.architecture)
    return None


@register_searcher(
    name="evolution",
    title="Constrained evolution",
    reference="Lin et al., Zen-NAS, ICCV 2021, Algorithm 1, as in Li et al., ZiCo, ICLR 2023, and "
    "Lee and Ham, AZ-NAS, CVPR 2024",
    asks=frozenset({Asks.scores}),
    deviations="64 and 1,000 are this project's choice for spaces of cells: the authors' scripts "
    "for mobile networks have populations of 512 (Zen-NAS, ZiCo) and 1,024 (AZ-NAS), and 480,000 "
    "and twice 100,000 steps. Those start from one network that is mutated in one block until "
    "eleven are alive, and then mutate in two; here the first population is drawn and a child "
    "changes one decision. A network that breaks a limit is drawn again instead of counting as a "
    "step.",
)
def evolution(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 64,
    steps: Annotated[int, Parameter("children", least=0)] = 1000,
) -> Steps:
    """Replace the worst network by mutations of any; all networks keep the problem's limits."""
    alive: list[Evaluation] = []
    for number in range(population + steps):
        if number < population:
            child = problem.sample(rng)
        else:
            parent = alive[int(rng.integers(len(alive)))].architecture
            child = problem.mutate(parent, rng)
        alive += yield from score([child])
        if len(alive) > population:
            fitness = problem.fitness(alive)
            # a missing score is the worst; of equal ones the newest dies
            worst = len(alive) - 1 - int(np.argmin(np.nan_to_num(fitness[::-1], nan=-np.inf)))
            alive.pop(worst)
        yield Incumbent(alive[problem.best(alive)].architecture)
    return None
