"""A searcher that breaks promises, and one on supernets, of which the contract knows nothing."""

from __future__ import annotations

import numpy as np

from untrained.harness.search import (
    Asks,
    Incumbent,
    Problem,
    Steps,
    register_searcher,
    score,
    score_supernet,
)


@register_searcher(
    name="global_stream",
    title="Faulty: draws from a stream of its own",
    reference="made to fail, unpublished, 2026",
    asks=frozenset({Asks.drawn_scores}),
)
def global_stream(problem: Problem, rng: np.random.Generator) -> Steps:
    """Draws from a generator that nobody has seeded, and only reports its last network."""
    drawn = [problem.sample(np.random.default_rng()) for _ in range(30)]
    scored = yield from score(drawn)
    best = drawn[problem.best(scored)]
    yield Incumbent(best)
    return best


@register_searcher(
    name="of_supernets",
    title="Of supernets",
    reference="made to be left out, unpublished, 2026",
    asks=frozenset({Asks.supernet}),
)
def of_supernets(problem: Problem, rng: np.random.Generator) -> Steps:
    """Asks for what a toy world has not."""
    yield from score_supernet(["everything"])
    return problem.sample(rng)
