"""Local search: move to better neighbours while there are any, then restart."""

from __future__ import annotations

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


@register_searcher(
    name="local",
    title="Local search",
    reference="White et al., Exploring the Loss Landscape in Neural Architecture Search, UAI 2021, "
    "Algorithm 1",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    by="accuracy",
    endless={"starts": 0},
)
def local(
    problem: Problem,
    rng: np.random.Generator,
    *,
    starts: Annotated[int, Parameter("random starts; 0, until the budget is spent", least=0)] = 0,
    step: Annotated[
        str,
        Parameter(
            "whether to go to the best neighbour or to the first better one",
            choices=("best", "first"),
        ),
    ] = "best",
) -> Steps:
    """Visit neighbours in random order; one of equal value is not better."""
    history = History(problem)
    started = 0
    while not starts or started < starts:
        started += 1
        [here] = yield from problem.evaluate([problem.sample(rng)])
        history.add(here)
        yield Incumbent(history.best.architecture)
        moved = True
        while moved:
            moved = False
            best = here
            nearby = problem.neighbors(here.architecture)
            for place in rng.permutation(len(nearby)):
                [there] = yield from problem.evaluate([nearby[int(place)]])
                history.add(there)
                yield Incumbent(history.best.architecture)
                # `best` is named first: a neighbour of equal value does not replace it
                if problem.best([best, there]) == 1:
                    best, moved = there, True
                    if step == "first":
                        break
            here = best
    return None
