"""Random search by a candidate's scores, where NASWOT searches by its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.harness.search import Domain, Problem, find_estimator, searchers
from untrained.harness.search.evaluators.tabular import TableWorld
from untrained.harness.search.experiment.runs import run_many
from untrained.harness.study.truth import ChosenTruth
from untrained.results.searches.comparison import FoundBy, SearchComparison, paired_difference
from untrained.results.searches.runs import summarise
from untrained.results.searches.table import best_of_n
from untrained.spaces import Architecture, spaces

if TYPE_CHECKING:
    import pandas as pd

RUNS = 500
DRAWS = (10, 100)
"""Networks drawn, as in NASWOT's paper."""
RIVALS = ("naswot", "params")
"""Whose scores are searched by beside the candidate's."""


def compare_searches(
    scores: pd.DataFrame,
    truths: Sequence[tuple[ChosenTruth, pd.Series[float]]],
    candidate: str,
    *,
    space: str,
    higher_is_better: Mapping[str, bool],
    runs: int = RUNS,
    seed: int = 0,
) -> list[SearchComparison]:
    """Draw n networks, keep the one with the best score; many times, for several n and targets.

    Runs of the same number draw the same networks whatever they are searched by, so differences
    are paired. Networks are those that all of the scores, and the first target, have a value of;
    draws are with replacement, of at most half as many as there are networks. Nothing is trained,
    so no search sees an accuracy.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is none.
        truths: each with its values; the answers are looked up in them.
    """
    names = [candidate, *(name for name in RIVALS if name in scores and name != candidate)]
    own = scores[names].dropna()
    own = own[truths[0][1].reindex(own.index).notna()].sort_index()
    # a search that draws nearly all networks finds the best by score, whatever it draws
    draws = [n for n in DRAWS if 2 * n <= len(own)]
    finals = {
        (name, n): _finals(own[name], space, name, n=n, runs=runs, seed=seed)
        for name in names
        for n in draws
    }
    found = []
    for truth, values in truths:
        known = values.reindex(own.index)
        if known.isna().any():
            continue
        array = np.asarray(known, dtype=np.float64)
        criterion = array if truth.higher_is_better else -array
        for n in draws:
            mine = np.asarray(known.loc[finals[candidate, n]], dtype=np.float64)
            rows = []
            for name in names:
                theirs = np.asarray(known.loc[finals[name, n]], dtype=np.float64)
                difference = None if name == candidate else paired_difference(mine, theirs)
                rows.append(FoundBy(name, summarise(theirs), difference))
            found.append(
                SearchComparison(
                    space=space,
                    target=truth.target.label,
                    networks=len(own),
                    n=n,
                    found=tuple(rows),
                    random=best_of_n(criterion, array, 1),
                    oracle=best_of_n(criterion, array, n),
                    higher_is_better=truth.higher_is_better,
                )
            )
    return found


def _finals(
    scores: pd.Series[float], space: str, name: str, *, n: int, runs: int, seed: int
) -> list[str]:
    """The answer of every run."""
    searcher = searchers["random"]
    texts = [str(text) for text in scores.index]
    domain = Domain(spaces[space], members=[Architecture(space, text) for text in texts])
    world = TableWorld(
        Problem(domain, "", find_estimator([name])),
        scores={text: (float(value),) for text, value in zip(texts, scores, strict=True)},
    )
    trajectories = run_many(searcher, world, runs=runs, seed=seed, settings={"n": n})
    return [one.final for one in trajectories]
