"""Random search: draw, evaluate, keep the best."""

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
    name="random",
    title="Random search",
    reference="Mellor et al., Neural Architecture Search without Training, ICML 2021, Algorithm 1 "
    "(NASWOT) by scores; Li and Talwalkar, UAI 2019, by accuracy",
    asks=frozenset({Asks.drawn_scores, Asks.drawn_accuracy}),
    parameters={
        "by": BY,
        "epochs": EPOCHS,
        "n": Parameter(meaning="networks drawn; 0, until the budget is spent", least=0),
    },
    endless={"n": 0},
    deviations="The best starts at minus infinity: the paper's pseudo-code starts it at 0 and "
    "would find nothing among negative scores. A network that cannot be scored has no score, where "
    "the authors' code gives it 0.",
)
def random(
    problem: Problem,
    rng: np.random.Generator,
    *,
    by: str = "scores",
    epochs: int = 0,
    n: int = 100,
) -> Steps:
    """Draws are uniform and with replacement; missing scores lose, of equal ones the first wins.

    Args:
        problem: where to search.
        rng: draws the networks.
        by: what is maximised.
        epochs: of a training.
        n: networks drawn; 0 for no end.

    Yields:
        Requests and incumbents.

    Returns:
        None: the last incumbent.
    """
    history = History(problem)
    while not n or len(history.evaluations) < n:
        [evaluated] = yield from evaluate([problem.sample(rng)], by=by, epochs=epochs)
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None
