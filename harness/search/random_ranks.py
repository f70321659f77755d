"""Where answers of searches stand among networks drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from untrained.foundation import derive
from untrained.harness.search.finished import Finished
from untrained.harness.search.looking_up import Truth
from untrained.results.searches import summarise
from untrained.results.searches_ranks import RandomRanks, RankedAnswer
from untrained.spaces import spaces
from untrained.spaces.cell_genotype import format_genotype
from untrained.spaces.darts import DARTS

NUM_RANDOM = 1000


def random_ranks(
    space: str, seed: int, finished: Sequence[Finished], truth: Truth, main: int
) -> RandomRanks | None:
    """Rank every answer among 1,000 networks, where there is no table of all.

    Args:
        space: its name.
        seed: of the study; draws the networks.
        finished: the searches.
        truth: answers for single networks.
        main: the column that counts.

    Returns:
        None where the truth can be enumerated, or knows nothing of random networks.
    """
    if truth.benchmark.enumerable:
        return None
    rng = np.random.default_rng(derive(seed, "random networks"))
    drawn = [spaces[space].sample(rng).text for _ in range(NUM_RANDOM)]
    sign = 1.0 if truth.columns[main].column.higher_is_better else -1.0
    values = sign * truth.values(main, drawn)
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    answers = []
    for one in finished:
        finals = [run.final for run in one.trajectories]
        found = truth.values(main, finals)
        for number, (text, value) in enumerate(zip(finals, found, strict=True)):
            answers.append(
                RankedAnswer(
                    search=one.label,
                    run=number,
                    architecture=text,
                    genotype=_genotype(space, text),
                    value=float(value),
                    rank=1 + int((known >= sign * value).sum()) if not np.isnan(value) else 0,
                )
            )
    return RandomRanks(summarise(sign * known), float(sign * known.max()), tuple(answers))


def _genotype(space: str, text: str) -> str:
    found = spaces[space]
    return format_genotype(found.genotype(text)) if isinstance(found, DARTS) else ""
