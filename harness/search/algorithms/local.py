"""Local search: go to a better neighbour while there is one, then start elsewhere."""

from __future__ import annotations

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


@register_searcher(
    name="local",
    title="Local search",
    reference="White et al., Exploring the Loss Landscape in Neural Architecture Search, UAI 2021, "
    "Algorithm 1",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    parameters={
        "by": BY,
        "epochs": EPOCHS,
        "starts": Parameter(meaning="random starts; 0, until the budget is spent", least=0),
        "step": Parameter(
            meaning="whether to go to the best neighbour or to the first better one",
            choices=("best", "first"),
        ),
    },
    endless={"starts": 0},
)
def local(
    problem: Problem,
    rng: np.random.Generator,
    *,
    by: str = "accuracy",
    epochs: int = 0,
    starts: int = 0,
    step: str = "best",
) -> Steps:
    """Neighbours are looked at in random order; one of equal value is not better.

    Args:
        problem: where to search.
        rng: draws starts and the order of neighbours.
        by: what is maximised.
        epochs: of a training.
        starts: random starts; 0 for no end.
        step: `best` evaluates all neighbours before it moves, `first` moves at once.

    Yields:
        Requests and incumbents.

    Returns:
        None: the last incumbent.
    """
    history = History(problem)
    started = 0
    while not starts or started < starts:
        started += 1
        [here] = yield from evaluate([problem.sample(rng)], by=by, epochs=epochs)
        history.add(here)
        yield Incumbent(history.best.architecture)
        moved = True
        while moved:
            moved = False
            best = here
            nearby = problem.neighbors(here.architecture)
            for place in rng.permutation(len(nearby)):
                [there] = yield from evaluate([nearby[int(place)]], by=by, epochs=epochs)
                history.add(there)
                yield Incumbent(history.best.architecture)
                # `best` is named first: a neighbour of equal value does not replace it
                if problem.best([best, there]) == 1:
                    best, moved = there, True
                    if step == "first":
                        break
            here = best
    return None
