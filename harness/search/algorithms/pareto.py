"""A Pareto front of an estimator and what a network costs, by NSGA-II."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from untrained.harness.search import (
    Asks,
    BudgetSpent,
    Evaluation,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
)
from untrained.harness.search.decisions import has_decisions
from untrained.harness.search.pareto_front import FRONT, best_of, fronts
from untrained.spaces import Architecture

_TRIES = 100


@register_searcher(
    name="pareto",
    title="NSGA-II",
    reference="Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE "
    "Transactions on Evolutionary Computation 6, 2002",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    by="scores",
    endless={"generations": 0},
    deviations="Decisions are categories: crossover takes each from either parent, and mutation "
    "draws each anew with probability 1 over their number. Where a space is no product of "
    "decisions, a child is a mutation of one parent. A network that has been evaluated is not "
    "evaluated again. The settings are this project's choice.",
)
def pareto(
    problem: Problem,
    rng: np.random.Generator,
    *,
    against: Annotated[
        str,
        Parameter(
            "cost that is to be small: params, flops or one of the benchmark's",
            is_cost=True,
        ),
    ] = "params",
    population: Annotated[
        int, Parameter("networks alive, and children a generation", least=2)
    ] = 20,
    generations: Annotated[
        int, Parameter("after the first; 0, until the budget is spent", least=0)
    ] = 10,
    crossover: Annotated[
        float, Parameter("probability that a child has two parents", least=0, most=1)
    ] = 0.9,
) -> Steps:
    """The front is of all networks that were evaluated, not of those alive at the end.

    While it runs the incumbent is the best by the first objective. At the end the networks of the
    front are logged one after the other, the cheapest first, with `front` 1; the last one is the
    best by the first objective, and the answer. An aggregate is taken among all networks so far.
    """
    cost = problem.cost(against)
    seen: dict[Architecture, Evaluation] = {}
    alive: list[Architecture] = []
    number = 0

    def objectives(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        first = problem.fitness([seen[one] for one in architectures])
        return np.column_stack([first, [-cost(one) for one in architectures]])

    def step(architecture: Architecture, *, on_front: bool) -> Incumbent:
        return Incumbent(architecture, {FRONT: float(on_front), against: cost(architecture)})

    try:
        while not generations or number <= generations:
            children: list[Architecture] = []
            ranked = _tournament_order(objectives(alive)) if alive else {}
            while len(children) < population:
                child = _new(problem, rng, alive, ranked, seen=seen, crossover=crossover)
                if child is None:
                    break
                [seen[child]] = yield from problem.evaluate([child])
                children.append(child)
                evaluated = list(seen)
                best = problem.best(list(seen.values()))
                yield step(evaluated[best], on_front=False)
            if not children:
                break
            alive += children
            alive = [alive[place] for place in best_of(objectives(alive), population)]
            number += 1
    except BudgetSpent:
        if not seen:
            raise
    evaluated = list(seen)
    found = objectives(evaluated)
    first = fronts(found)[0]
    for place in sorted(first, key=lambda i: (-found[i, 1], found[i, 0])):
        yield step(evaluated[place], on_front=True)
    return None


def _tournament_order(objectives: NDArray[np.float64]) -> dict[int, int]:
    """Place in the order of survival, by place among the living."""
    order = best_of(objectives, len(objectives))
    return {place: rank for rank, place in enumerate(order)}


def _new(
    problem: Problem,
    rng: np.random.Generator,
    alive: list[Architecture],
    ranked: dict[int, int],
    *,
    seen: dict[Architecture, Evaluation],
    crossover: float,
) -> Architecture | None:
    """A network that has not been evaluated; None where many draws give none."""
    for _ in range(_TRIES):
        if not alive:
            child = problem.sample(rng)
        else:
            parents = [_winner(rng, len(alive), ranked) for _ in range(2)]
            child = _child(problem, rng, [alive[place] for place in parents], crossover)
        if child not in seen:
            return child
    return None


def _winner(rng: np.random.Generator, count: int, ranked: dict[int, int]) -> int:
    """The better of two that are drawn."""
    return min((int(place) for place in rng.integers(count, size=2)), key=ranked.__getitem__)


def _child(
    problem: Problem, rng: np.random.Generator, parents: list[Architecture], crossover: float
) -> Architecture:
    if not has_decisions(problem.space) or problem.domain.confined:
        return problem.mutate(parents[0], rng)
    decisions = problem.decisions
    child = parents[0]
    if rng.random() < crossover:
        both = [decisions.chosen(parent) for parent in parents]
        sides = rng.integers(2, size=len(decisions.choices))
        mixed = decisions.architecture([both[side][i] for i, side in enumerate(sides)])
        if problem.domain.admits(mixed):
            child = mixed
    return problem.redraw(child, rng, 1 / len(decisions.choices))
