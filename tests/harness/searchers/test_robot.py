"""RoBoT's weights, its look-ups and its greedy end, on scores made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from untrained.harness.search import (
    Domain,
    Problem,
    Score,
    Scored,
    Search,
    Trained,
    find_estimator,
    searchers,
)
from untrained.harness.search.algorithms.robot import _LENGTHS, _NOISE, matern, posterior, scaled
from untrained.spaces import Architecture, spaces

SPACE = spaces["nasbench201"]
NAMES = ("naswot", "params", "flops")


def number(architecture: Architecture, k: int) -> int:
    return sum(ord(letter) * (i % (k + 3)) for i, letter in enumerate(architecture.text)) % 997


def run(seed: int, accuracy, **settings: object) -> tuple[Search, list[Scored], list[Architecture]]:
    problem = Problem(Domain(SPACE), "cifar10", find_estimator(NAMES))
    search = Search(searchers["robot"], problem, np.random.default_rng(seed), settings)
    scores: list[Scored] = []
    trained: list[Architecture] = []
    while (request := search.ask()) is not None:
        [asked] = request.architectures
        if isinstance(request, Score):
            values = tuple(float(number(asked, k)) for k in range(3))
            scores.append(Scored(asked, values, values, 1.0))
            search.tell(scores[-1:])
        else:
            trained.append(asked)
            search.tell([Trained(asked, accuracy(asked), 1.0)])
    return search, scores, trained


def test_it_finds_the_score_that_ranks_by_accuracy_among_those_that_do_not() -> None:
    def accuracy(a: Architecture) -> float:
        return 90.0 - number(a, 1) / 20  # the second score, the wrong way round

    search, scores, trained = run(0, accuracy, n=120, steps=12)
    best = max(scores, key=lambda one: accuracy(one.architecture)).architecture
    assert search.result == best
    assert len(trained) == len(set(trained)) == 12  # a network is never trained twice


def test_every_training_is_the_pool_s_best_under_some_weights_or_next_by_the_last_ones() -> None:
    search, scores, trained = run(1, lambda a: float(number(a, 0)), n=40, steps=50)
    assert set(trained) <= {one.architecture for one in scores}
    # more trainings than networks: all of them, and the answer is the best of all
    assert set(trained) == {one.architecture for one in scores}
    assert number(search.result, 0) == max(number(one.architecture, 0) for one in scores)


def test_scores_are_scaled_over_the_pool_and_what_is_missing_is_the_worst() -> None:
    a = SPACE.sample(np.random.default_rng(0))
    rows = [(1.0, math.nan, 5.0), (3.0, -math.inf, 5.0), (2.0, 7.0, 5.0), (math.nan, 9.0, 5.0)]
    found = scaled([Scored(a, row, row, 1.0) for row in rows])
    assert found.tolist() == [[0, 0, 0], [1, 0, 0], [0.5, 0, 0], [0, 1, 0]]


def test_the_process_is_that_of_conditioned_normal_distributions() -> None:
    rng = np.random.default_rng(2)
    x, at, y = rng.uniform(-1, 1, (6, 2)), rng.uniform(-1, 1, (4, 2)), rng.normal(5, 3, 6)
    z = (y - y.mean()) / y.std()
    best = max(
        _LENGTHS,
        key=lambda length: multivariate_normal(
            np.zeros(6), matern(x, x, length) + _NOISE * np.eye(6)
        ).logpdf(z),
    )
    inverse = np.linalg.inv(matern(x, x, best) + _NOISE * np.eye(6))
    cross = matern(at, x, best)
    mean, deviation = posterior(x, y, at)
    np.testing.assert_allclose(mean, y.mean() + y.std() * cross @ inverse @ z, rtol=1e-6)
    variance = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross)
    np.testing.assert_allclose(deviation, y.std() * np.sqrt(variance), rtol=1e-4)


@pytest.mark.parametrize("accuracy", [math.nan])
def test_trainings_without_an_accuracy_still_end(accuracy: float) -> None:
    search, _, trained = run(3, lambda a: accuracy, n=30, steps=5)
    assert len(set(trained)) == 5
    assert search.result in trained
