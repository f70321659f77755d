"""What TEG-NAS's searches log at every step."""

from __future__ import annotations

from collections.abc import Sequence

from untrained.harness.search.decisions import has_decisions
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import Scored


def series_of(problem: Problem, best: Scored, alive: Sequence[Scored] = ()) -> dict[str, float]:
    """The incumbent's scores by indicator, and the diversity of a population.

    Args:
        problem: the search's.
        best: the incumbent.
        alive: the population; none: no diversity.
    """
    assert problem.estimator is not None, "scores come with an estimator"
    found = dict(zip(problem.estimator.indicators, best.values, strict=True))
    if alive and has_decisions(problem.space):
        found["diversity"] = problem.decisions.diversity([one.architecture for one in alive])
    return found
