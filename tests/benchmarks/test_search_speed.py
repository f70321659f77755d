"""Seconds of a search by stored answers, against the same choices in a plain loop."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from untrained.harness.search.driver import Search, run_search
from untrained.harness.search.estimator import find_estimator
from untrained.harness.search.evaluators.evaluator import TabularEvaluator
from untrained.harness.search.problem import Domain, Problem
from untrained.harness.search.searcher import searchers
from untrained.spaces import spaces

SPACE = spaces["nasbench201"]
DRAWS = 1000


def seconds(function: Callable[[], str], rounds: int = 5) -> float:
    """Take the fastest of some rounds, in seconds of the process."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return min(taken)


def test_random_search_by_scores_against_a_plain_loop(benchmark: BenchmarkFixture) -> None:
    values = np.random.default_rng(1).standard_normal(SPACE.size).tolist()
    scores = {one.text: (value,) for one, value in zip(SPACE, values, strict=True)}
    problem = Problem(Domain(SPACE), "cifar10", find_estimator(["naswot"]))
    evaluator = TabularEvaluator(problem, scores=scores, score_cost_s=1.0)

    def searched() -> str:
        rng = np.random.default_rng(0)
        search = Search(searchers["random"], problem, rng, {"n": DRAWS})
        return run_search(search, evaluator).final

    def looped() -> str:
        rng = np.random.default_rng(0)
        best, text = -np.inf, ""
        for _ in range(DRAWS):
            drawn = SPACE.sample(rng).text
            if scores[drawn][0] > best:
                best, text = scores[drawn][0], drawn
        return text

    assert searched() == looped()
    benchmark.pedantic(searched, rounds=5)
    benchmark.extra_info["times the plain loop"] = seconds(searched) / seconds(looped)
