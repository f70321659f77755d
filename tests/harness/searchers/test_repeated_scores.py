"""Repeated scores in random search and regularised evolution, compared by a test."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import MissingData, UserError
from untrained.harness.search import (
    Budget,
    Domain,
    Problem,
    Score,
    Search,
    find_estimator,
    run_search,
    searchers,
)
from untrained.harness.search.evaluators.evaluator import TabularEvaluator
from untrained.harness.search.evaluators.stored_scores import _draws
from untrained.harness.search.problem import is_better
from untrained.spaces import Architecture, spaces

SPACE = spaces["nasbench201"]


def slow_p(a: list[float], b: list[float]) -> float:
    """How often the ranks of a sample sum up to as much, over all ways to choose it."""
    both = np.array(a + b)
    statistic = sum(float(x > y) + 0.5 * (x == y) for x in a for y in b)
    found = []
    for chosen in product((True, False), repeat=len(both)):
        mask = np.array(chosen)
        if mask.sum() == len(a):
            pairs = both[mask][:, None] - both[~mask][None]
            found.append((pairs > 0).sum() + 0.5 * (pairs == 0).sum())
    return float(np.mean(np.array(found) >= statistic))


@pytest.mark.parametrize("seed", range(6))
def test_a_network_is_better_if_the_exact_test_says_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.4 * seed, 1, 6), rng.normal(0, 1, 6)
    p = slow_p(a.tolist(), b.tolist())
    assert is_better(a, b, 1.001 * p + 1e-9)
    assert not is_better(a, b, 0.999 * p)


def test_a_network_without_a_value_is_worse_than_every_other() -> None:
    some, none = np.array([1.0, np.nan, 2.0]), np.full(3, np.nan)
    assert is_better(some, none, 0.05)
    assert not is_better(none, some, 1.0)
    assert not is_better(none, none, 1.0)


def table(count: int, draws: int) -> tuple[list[Architecture], dict[str, list[tuple[float]]]]:
    """Networks whose scores differ by steps of one, with noise of a half."""
    rng = np.random.default_rng(5)
    networks = list(dict.fromkeys(SPACE.sample(rng) for _ in range(count)))
    noise = rng.normal(0, 0.5, (len(networks), draws))
    return networks, {
        a.text: [(float(k + value),) for value in noise[k]] for k, a in enumerate(networks)
    }


def evaluator(
    networks: list[Architecture], draws: Mapping[str, list[tuple[float]]], *names: str
) -> TabularEvaluator:
    problem = Problem(
        Domain(SPACE, members=networks, confined=True),
        "cifar10",
        find_estimator(names or ("naswot",)),
    )
    means = {text: np.mean(rows, axis=0) for text, rows in draws.items()}
    return TabularEvaluator(problem, scores=means, score_cost_s=2.0, draws=draws)


def run(world: TabularEvaluator, name: str, budget: int, **settings: object):
    searcher = searchers[name]
    search = Search(searcher, world.problem, np.random.default_rng(1), settings)
    return run_search(search, world, Budget(evaluations=budget))


def test_random_search_keeps_the_best_so_far_until_another_is_better_by_the_test() -> None:
    networks, draws = table(30, 10)
    world = evaluator(networks, draws)
    found = run(world, "random", 40, n=40, draws=10)
    # the same walk, written out
    rng = np.random.default_rng(1)
    best = None
    for _ in range(40):
        drawn = world.problem.sample(rng)
        sample = [value for (value,) in draws[drawn.text]]
        if best is None or is_better(np.array(sample), np.array(best[1]), 0.05):
            best = drawn, sample
    assert found.final == best[0].text
    assert found.total_s == 40 * 10 * 2.0  # every draw costs


def test_evolution_by_repeated_scores_climbs_and_asks_for_draws() -> None:
    networks, draws = table(30, 10)
    world = evaluator(networks, draws)
    search = Search(
        searchers["rea"],
        world.problem,
        np.random.default_rng(0),
        {"by": "scores", "draws": 10, "steps": 60, "population": 6},
    )
    request = search.ask()
    assert isinstance(request, Score)
    assert request.draws == 10
    found = run(world, "rea", 70, by="scores", draws=10, steps=60, population=6)
    places = {a.text: k for k, a in enumerate(networks)}
    assert places[found.final] >= len(networks) - 3


@pytest.mark.parametrize("draws", [1, 10])
def test_one_draw_is_the_search_as_before(draws: int) -> None:
    networks, rows = table(20, draws)
    found = run(evaluator(networks, rows), "random", 30, n=30)
    rng = np.random.default_rng(1)
    drawn = [evaluator(networks, rows).problem.sample(rng) for _ in range(30)]
    assert found.final == max(drawn, key=lambda a: np.mean(rows[a.text])).text


@pytest.mark.parametrize(
    ("names", "settings", "error", "reason"),
    [
        (("naswot",), {"draws": 11}, MissingData, "11 draws of the scores .* 10 are stored"),
        (("naswot",), {"draws": 3, "by": "accuracy"}, UserError, "draws of accuracies"),
        (("naswot", "params"), {"draws": 3}, UserError, "draws by a rank sum"),
    ],
)
def test_what_cannot_be_repeated_is_refused(names, settings, error, reason) -> None:
    networks, draws = table(10, 10)
    if len(names) > 1:
        draws = {text: [(*row, *row) for row in rows] for text, rows in draws.items()}
    with pytest.raises(error, match=reason):
        run(evaluator(networks, draws, *names), "random", 20, n=20, **settings)


def test_stored_scores_of_several_seeds_are_draws() -> None:
    rows = [
        ("a", seed, name, value + seed)
        for seed in (0, 1, 2)
        for name, value in (("naswot", 10.0), ("params", 20.0))
    ]
    rows.append(("b", 0, "naswot", 1.0))  # lacks params
    frame = pd.DataFrame(rows, columns=["architecture", "seed", "indicator", "value"])
    assert _draws(frame, ["naswot", "params"]) == {"a": ((10, 20), (11, 21), (12, 22))}
    assert _draws(frame[frame["seed"] == 0], ["naswot", "params"]) == {}
