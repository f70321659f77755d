"""What lies next to an architecture."""

from __future__ import annotations

import numpy as np

from untrained.harness.contract.promise import Suite, require
from untrained.harness.contract.space_texts import drawn
from untrained.spaces import SearchSpace

moves: Suite[SearchSpace] = Suite()


@moves.promise
def neighbors_are_distinct_members_and_mutual(space: SearchSpace) -> None:
    """Neighbours are other members, each once, and are neighbours in turn."""
    for arch in drawn(space, 3):
        neighbors = space.neighbors(arch)
        require(
            neighbors == space.neighbors(arch.text),
            f"the neighbours of {arch.text!r} and of its text are different",
        )
        require(bool(neighbors), f"{arch.text!r} has no neighbours")
        require(
            len(set(neighbors)) == len(neighbors),
            f"of the {len(neighbors)} neighbours of {arch.text!r} only {len(set(neighbors))} are "
            "different",
        )
        require(arch not in neighbors, f"{arch.text!r} is its own neighbour")
        for neighbor in neighbors:
            require(
                space.parse(neighbor.text) == neighbor,
                f"{neighbor.text!r}, a neighbour of {arch.text!r}, is no member as it is written",
            )
            require(
                arch in space.neighbors(neighbor),
                f"{neighbor.text!r} is a neighbour of {arch.text!r}, but not the other way round",
            )


@moves.promise
def a_mutation_is_a_neighbor_and_follows_the_generator(space: SearchSpace) -> None:
    """Mutations are neighbours, differ, and are the same for equal generators."""
    arch = drawn(space, 1)[0]
    rng = np.random.default_rng(6)
    mutants = [space.mutate(arch, rng) for _ in range(30)]
    strange = sorted(set(mutants) - set(space.neighbors(arch)))
    require(
        not strange,
        f"{strange[0].text if strange else ''!r} is a mutation of {arch.text!r}, but no neighbour",
    )
    require(len(set(mutants)) > 1, f"30 mutations of {arch.text!r} are the same")
    require(
        space.mutate(arch.text, np.random.default_rng(6)) == mutants[0],
        f"an equal generator gives another mutation of {arch.text!r}",
    )
