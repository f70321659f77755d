"""GenNAS's search for an architecture: aging evolution by score."""

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
    Steps,
    register_searcher,
    score,
)


@register_searcher(
    name="gennas",
    title="GenNAS",
    reference="Li et al., Generic Neural Architecture Search via Regression, NeurIPS 2021, "
    "architecture search",
    asks=frozenset({Asks.scores}),
    deviations="The answer is the best of all that was scored; the authors' script logs and gives "
    "none. Spaces that are no product of decisions mutate by one decision instead of by the "
    "script's own rule for each.",
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
    """The paper's score is the final loss of a regression, which is what `--indicator` names."""
    alive: deque[Evaluation] = deque()
    history = History(problem)
    for number in range(population + steps):
        if number < population:
            child = problem.sample(rng)
        else:
            places = rng.choice(len(alive), size=min(tournament, len(alive)), replace=False)
            entrants = [alive[int(i)] for i in np.sort(places)]
            parent = entrants[problem.best(entrants)].architecture
            child = problem.redraw(parent, rng, rate)
            alive.popleft()
        [scored] = yield from score([child])
        alive.append(scored)
        history.add(scored)
        yield Incumbent(history.best.architecture)
    return None
