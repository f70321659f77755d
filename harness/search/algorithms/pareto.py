"""A Pareto front of two objectives by NSGA-II: scores, costs, targets of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import UserError
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
from untrained.harness.search.problem import Cost
from untrained.spaces import Architecture
from untrained.spaces.benchmarks.benchmark import higher_is_better

FRONT = "front"
"""Series that is 1 in the steps that list a front."""
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
            "second objective: params, flops or a metric of the benchmark, in its direction (a "
            "cost is to be small, an accuracy large)",
            is_cost=True,
        ),
    ] = "params",
    first: Annotated[
        str,
        Parameter(
            "first objective, named likewise, in place of the accuracy of the trainings (with "
            "by=accuracy)",
            is_cost=True,
        ),
    ] = "",
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
    """Evolve a population towards the front of two objectives.

    The first objective is that of the search, or `first`. The front is of all networks that were
    evaluated, not of those alive at the end.

    While it runs the incumbent is the best by the first objective. At the end the networks of the
    front are logged one after the other, the best by the second objective first, with `front` 1;
    the last one is the best by the first objective, and the answer. An aggregate is taken among all
    networks so far.

    Raises:
        UserError: an objective is not known here, or `first` is given beside scores.
    """
    if first and problem.estimator is not None:
        raise UserError(
            f"cannot rank networks by scores and by {first}: each is a first objective. Set "
            "by=accuracy, or leave first out."
        )
    second = _objective(problem, against)
    named = _objective(problem, first) if first else None
    seen: dict[Architecture, Evaluation] = {}
    alive: list[Architecture] = []
    number = 0

    def objectives(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        if named is None:
            values = problem.fitness([seen[one] for one in architectures])
        else:
            values = np.array([named(one) for one in architectures])
        return np.column_stack([values, [second(one) for one in architectures]])

    def step(architecture: Architecture, *, on_front: bool) -> Incumbent:
        logged = {name: problem.cost(name)(architecture) for name in (against, first) if name}
        return Incumbent(architecture, {FRONT: float(on_front), **logged})

    try:
        while not generations or number <= generations:
            children: list[Architecture] = []
            # places among the living, by their places in the order of survival
            order = best_of(objectives(alive), len(alive)) if alive else []
            ranked = {place: rank for rank, place in enumerate(order)}
            while len(children) < population:
                child = _new(problem, rng, alive, ranked, seen=seen, crossover=crossover)
                if child is None:
                    break
                [seen[child]] = yield from problem.evaluate([child])
                children.append(child)
                evaluated = list(seen)
                if named is None:
                    best = problem.best(list(seen.values()))
                else:
                    best = int(np.argmax(np.nan_to_num(objectives(evaluated)[:, 0], nan=-np.inf)))
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
    for place in sorted(fronts(found)[0], key=lambda i: (-found[i, 1], found[i, 0])):
        yield step(evaluated[place], on_front=True)
    return None


def _objective(problem: Problem, name: str) -> Cost:
    """Return a size or a metric of the benchmark with its sign such that larger is better."""
    value = problem.cost(name)
    return value if higher_is_better(name) else lambda architecture: -value(architecture)


def _new(
    problem: Problem,
    rng: np.random.Generator,
    alive: list[Architecture],
    ranked: dict[int, int],
    *,
    seen: dict[Architecture, Evaluation],
    crossover: float,
) -> Architecture | None:
    """Draw a network that has not been evaluated; None where many draws give none."""
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
    """Draw two and return the better."""
    return min((int(place) for place in rng.integers(count, size=2)), key=ranked.__getitem__)


def _child(
    problem: Problem, rng: np.random.Generator, parents: list[Architecture], crossover: float
) -> Architecture:
    decisions = problem.space.decisions()
    if decisions is None or problem.domain.confined:
        return problem.mutate(parents[0], rng)
    child = parents[0]
    if rng.random() < crossover:
        both = [decisions.chosen(parent) for parent in parents]
        sides = rng.integers(2, size=len(decisions.choices))
        mixed = decisions.architecture([both[side][i] for i, side in enumerate(sides)])
        if problem.domain.admits(mixed):
            child = mixed
    return problem.redraw(child, rng, 1 / len(decisions.choices))


def fronts(objectives: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Sort candidates into layers: none dominates the first, only the first the second, and so on.

    One dominates another if it is as good in every objective and better in one. A candidate with
    a missing value is dominated by every complete one and dominates nobody.

    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE Transactions on
    Evolutionary Computation 6, 2002, III.A.

    Args:
        objectives: (candidates, objectives); larger is better.

    Returns:
        Places of the candidates, ascending in each layer.
    """
    missing = np.asarray(np.isnan(objectives).any(axis=1))
    values = np.where(missing[:, None], -np.inf, objectives)
    as_good = np.ones((len(values), len(values)), dtype=np.bool_)
    better = np.zeros_like(as_good)
    for column in values.T:
        as_good &= column[:, None] >= column
        better |= column[:, None] > column
    dominates = as_good & better & ~missing[:, None]
    left = np.ones(len(values), dtype=bool)
    layers = []
    while left.any():
        free = left & ~dominates[left].any(axis=0)
        layers.append(np.flatnonzero(free))
        left &= ~free
    return layers


def crowding(objectives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute each candidate's distance to its neighbours in a layer (NSGA-II, III.B).

    The sum over the objectives of the distance between the two next to it, in units of the layer's
    range; infinite at both ends of an objective.

    Args:
        objectives: (candidates, objectives) of one layer.

    Returns:
        One number each; larger means less crowded.
    """
    count, width = objectives.shape
    total = np.zeros(count)
    for k in range(width):
        order = np.argsort(objectives[:, k], kind="stable")
        ordered = objectives[order, k]
        total[order[[0, -1]]] = np.inf
        span = ordered[-1] - ordered[0]
        if count > 2 and np.isfinite(span) and span > 0:
            total[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return total


def best_of(objectives: NDArray[np.float64], count: int) -> list[int]:
    """Choose the survivors: layer by layer, of the last layer the least crowded.

    Args:
        objectives: (candidates, objectives); larger is better.

    Returns:
        Places, the best layer first and in it the least crowded first.
    """
    chosen: list[int] = []
    for layer in fronts(objectives):
        order = np.argsort(-crowding(objectives[layer]), kind="stable")
        chosen += [int(place) for place in layer[order]]
        if len(chosen) >= count:
            break
    return chosen[:count]
