"""Many runs of one search, each with random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from untrained.foundation import derive
from untrained.harness.search.driver import UNLIMITED, Budget, run_search
from untrained.harness.search.search import Search
from untrained.harness.search.searcher import Searcher
from untrained.harness.search.world import World
from untrained.results.searches_trajectory import Trajectory


def generator_of_run(seed: int, searcher: str, run: int) -> np.random.Generator:
    """The random numbers of one run: they depend on neither the other runs nor their number."""
    return np.random.default_rng(derive(seed, "search", searcher, run))


def run_many(
    searcher: Searcher,
    world: World,
    *,
    runs: int,
    seed: int = 0,
    settings: Mapping[str, object] = MappingProxyType({}),
    budget: Budget = UNLIMITED,
    told: Callable[[int], None] = lambda done: None,
) -> list[Trajectory]:
    """Run a search several times.

    Args:
        searcher: the algorithm.
        world: answers it.
        runs: how many.
        seed: of all of them.
        settings: the searcher's, those that are not to be the default.
        budget: of each run.
        told: called with the number of finished runs.

    Returns:
        One trajectory a run.

    Raises:
        UserError: see `run_search` and `Search`.
    """
    found = []
    for run in range(runs):
        search = Search(
            searcher, world.problem, generator_of_run(seed, searcher.name, run), settings
        )
        found.append(run_search(search, world, budget))
        told(run + 1)
    return found
