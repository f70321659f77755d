"""TEG-NAS by evolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    Incumbent,
    Parameter,
    Problem,
    Scored,
    Steps,
    register_searcher,
    score,
)
from untrained.harness.search.decisions import has_decisions


def series_of(problem: Problem, best: Scored, alive: Sequence[Scored] = ()) -> dict[str, float]:
    """The incumbent's scores by indicator, and the diversity of a population."""
    assert problem.estimator is not None, "scores come with an estimator"
    found = dict(zip(problem.estimator.indicators, best.values, strict=True))
    if alive and has_decisions(problem.space):
        found["diversity"] = problem.decisions.diversity([one.architecture for one in alive])
    return found


@register_searcher(
    name="teg",
    title="TEG-NAS, evolution",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, aging evolution",
    asks=frozenset({Asks.scores}),
    deviations="A network without one of its scores never becomes a parent and is never the "
    "answer. The authors' code gives it the worst kappa and G seen so far and goes back to "
    "earlier ones whenever a worse is seen, in doing so writes that kappa over their other "
    "scores, and recognises it by a mean of exactly -1, so that one that fails in part looks "
    "better than perfect. Its evolution hands the test images to the generalisation score; "
    "here scores see the images that their protocol says. Scores of one protocol share their "
    "data, and each network draws its own weights, where the code draws three sets for all.",
)
def teg(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 256,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 64,
    steps: Annotated[int, Parameter("children", least=0)] = 1000,
) -> Steps:
    """Ranks are taken among those that are compared: the tournament, or the population.

    The paper's three indicators are the aggregate `teg`; the search takes any. The incumbent is
    the best of the networks alive, so it may die. Logged are the incumbent's scores and the
    population's diversity, the mean number of decisions in which two of it differ.
    """
    alive: deque[Scored] = deque()
    for number in range(population + steps):
        if number < population:
            child = problem.sample(rng)
        else:
            places = rng.choice(len(alive), size=min(tournament, len(alive)), replace=False)
            entrants = [alive[int(i)] for i in np.sort(places)]
            child = problem.mutate(entrants[problem.best(entrants)].architecture, rng)
        [scored] = yield from score([child])
        alive.append(scored)
        if len(alive) > population:
            alive.popleft()
        best = alive[problem.best(list(alive))]
        yield Incumbent(best.architecture, series_of(problem, best, list(alive)))
    return None
