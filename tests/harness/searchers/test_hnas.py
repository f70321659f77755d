"""HNAS's pool and its Bayesian optimisation, on scores made by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from untrained.foundation import UserError
from untrained.harness.search import (
    Domain,
    Problem,
    Score,
    Scored,
    Search,
    Train,
    Trained,
    find_estimator,
    searchers,
)
from untrained.harness.search.algorithms.hnas import _EPSILON
from untrained.spaces import Architecture, spaces

SETTINGS = {"n": 30, "steps": 8, "probes": 0.5, "scale": 100.0}


class ByHand:
    """Answers requests with formulas of the text and writes down what was asked."""

    def __init__(self, *, missing: int = 10**9, members: int | None = None) -> None:
        space = spaces["nasbench201"]
        drawn = [space.sample(np.random.default_rng(7)) for _ in range(members or 0)]
        self.problem = Problem(
            Domain(space, members=drawn or None), "cifar10", find_estimator(["hnas"])
        )
        self.missing = missing
        self.scored: list[Scored] = []
        self.trained: list[tuple[Architecture, float, int]] = []

    def scores(self, architecture: Architecture) -> tuple[float, float]:
        number = sum(ord(letter) * (i + 3) for i, letter in enumerate(architecture.text))
        if number % self.missing == 0:
            return number % 97 + 1.0, float("nan")
        return number % 97 + 1.0, number % 89 + 1.0

    def accuracy(self, architecture: Architecture) -> float:
        return 90.0 - abs(self.scores(architecture)[0] - 60)

    def run(self, seed: int = 0, **settings: object) -> Search:
        search = Search(
            searchers["hnas"], self.problem, np.random.default_rng(seed), {**SETTINGS, **settings}
        )
        while (request := search.ask()) is not None:
            [asked] = request.architectures
            if isinstance(request, Score):
                values = self.scores(asked)
                oriented = self.problem.estimator.oriented(values)
                self.scored.append(Scored(asked, values, oriented, 1.0))
                search.tell(self.scored[-1:])
            else:
                assert isinstance(request, Train)
                accuracy = self.accuracy(asked)
                self.trained.append((asked, accuracy, len(self.scored)))
                search.tell([Trained(asked, accuracy, 1.0)])
        return search


@pytest.fixture(scope="module")
def run() -> tuple[ByHand, Search]:
    world = ByHand(missing=5)
    return world, world.run()


def test_every_training_is_of_the_smallest_objective_in_the_pool(run):
    world, search = run
    assert len(world.trained) == SETTINGS["steps"]
    # one step is logged for each answer
    steps = {len(world.scored[:count]) + k: k for k, (_, _, count) in enumerate(world.trained)}
    done: set[Architecture] = set()
    for place, k in steps.items():
        architecture, _, count = world.trained[k]
        logged = search.logged[place].series
        nu, mu = logged["nu"], 10 ** logged["log10 mu"]
        values = {
            one.architecture: mu * abs(one.values[0] ** 2 - nu**2)
            + one.values[1] / (one.values[0] + _EPSILON)
            for one in world.scored[:count]
            if one.architecture not in done and not np.isnan(one.values[1])
        }
        assert values[architecture] == pytest.approx(min(values.values()))
        done.add(architecture)
        assert logged["pool"] == count - len(done)


def test_the_answer_is_the_best_that_was_trained(run):
    world, search = run
    best = max(world.trained, key=lambda row: row[1])
    assert search.result == best[0]


def test_the_first_targets_are_evenly_spread_and_the_rest_are_not(run):
    _, search = run
    targets = list(
        dict.fromkeys((one.series["nu"], one.series["log10 mu"]) for one in search.logged)
    )
    assert targets[:4] == [
        (pytest.approx(100.0 * share), -2.0) for share in (0.0, 1 / 3, 2 / 3, 1.0)
    ]
    assert len(targets) == 8
    assert all(0 <= nu <= 100 and -4 <= log_mu <= 0 for nu, log_mu in targets)
    assert any(log_mu != -2.0 for _, log_mu in targets[4:])


def test_the_optimisation_finds_the_target_of_the_good_networks():
    # accuracy is 90 at M = 60 and falls by one a unit: random targets would miss it more often
    world = ByHand()
    world.run(steps=20, n=200)
    late = [accuracy for _, accuracy, _ in world.trained[10:]]
    early = [accuracy for _, accuracy, _ in world.trained[:5]]
    assert np.mean(late) > np.mean(early) + 5


def test_nothing_is_scored_or_trained_twice_and_a_small_space_ends_the_search():
    world = ByHand(members=5)
    search = world.run(steps=20)
    members = {world.problem.domain.sample(np.random.default_rng(i)) for i in range(50)}
    assert len(world.scored) == len({one.architecture for one in world.scored}) == len(members)
    assert {row[0] for row in world.trained} == members
    assert len(world.trained) == len(members)
    assert search.result in members


@pytest.mark.parametrize("name", ["hnas", "tpe"])
def test_a_missing_optuna_is_said(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    problem = Problem(Domain(spaces["nasbench201"]), "cifar10", find_estimator(["hnas"]))
    search = Search(searchers[name], problem, np.random.default_rng(0))
    with pytest.raises(UserError, match=rf"searcher {name} needs the package optuna.*pip install"):
        search.ask()
