"""Evolution under limits: the worst dies, anyone may give birth."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    Evaluation,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
    score,
)


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
    """Limits are the problem's: whatever is drawn or mutated keeps them."""
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
