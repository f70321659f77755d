"""Random pools of the scored networks, over which the runs of a search are divided."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from untrained.foundation import UserError, Value, derive
from untrained.harness.search.problem import Domain
from untrained.harness.search.searcher import Searcher
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.pools import Pools


def draw_pools(
    study: SearchStudy, searcher: Searcher, settings: Mapping[str, Value], domain: Domain, runs: int
) -> tuple[Pools, tuple[Domain, ...]]:
    """Draw the pools of a study, all different, each without replacement.

    Searches of a study that draw from the same networks get the same pools, and a larger number of
    pools begins with the smaller one's.

    Args:
        domain: the networks that have what the search asks for and keep its limits.
        runs: of the search; with fewer than pools, only so many pools are drawn.

    Raises:
        UserError: there are not so many different pools, or a pool is smaller than the searcher's
            population.
    """
    networks = domain.members
    assert study.pools is not None, "the study has no pools"
    assert networks is not None, "pools are drawn from scored networks"
    count, size = len(networks), study.pool_size or len(networks) // 2
    population = settings.get("population", 1)
    if isinstance(population, int) and size < population:
        raise UserError(
            f"cannot run {searcher.name} on pools of {size:,} networks: its population is "
            f"{population:,}. Raise pool_size, or lower the population."
        )
    possible = math.comb(count, size)
    if possible < study.pools:
        raise UserError(
            f"cannot draw {study.pools:,} different pools of {size:,} networks: the {count:,} "
            f"scored networks have {possible:,}. Lower pools, or change pool_size."
        )
    number = min(study.pools, runs)
    rng = np.random.default_rng(derive(study.seed, "pools"))
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < number:
        places = np.sort(rng.choice(count, size=size, replace=False))
        drawn[tuple(places.tolist())] = None
    domains = (
        Domain(
            domain.space,
            members=[networks[place] for place in places],
            confined=domain.confined,
            limits=domain.limits,
        )
        for places in drawn
    )
    return Pools(number, size, count, domain.space.size), tuple(domains)
