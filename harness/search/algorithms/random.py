"""Random search: draw, evaluate, keep the best."""

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
    name="random",
    title="Random search",
    reference="Mellor et al., Neural Architecture Search without Training, ICML 2021, Algorithm 1 "
    "(NASWOT) by scores; Li and Talwalkar, UAI 2019, by accuracy",
    asks=frozenset({Asks.drawn_scores, Asks.drawn_accuracy}),
    by="scores",
    repeats=True,
    endless={"n": 0},
    deviations="The best starts at minus infinity: the paper's pseudo-code starts it at 0 and "
    "would find nothing among negative scores. A network that cannot be scored has no score, where "
    "the authors' code gives it 0. With several draws networks are compared as in "
    "Variation Matters (arXiv:2502.19657, 2025: 10 draws, p < 0.05), known from a summary: the "
    "best so far stays until another one is better by the test.",
)
def random(
    problem: Problem,
    rng: np.random.Generator,
    *,
    n: Annotated[int, Parameter("networks drawn; 0, until the budget is spent", least=0)] = 100,
) -> Steps:
    """Draw uniformly with replacement; missing scores lose, the first of equal ones wins."""
    history = History(problem)
    while not n or len(history.evaluations) < n:
        [evaluated] = yield from problem.evaluate([problem.sample(rng)])
        history.add(evaluated)
        yield Incumbent(history.best.architecture)
    return None
