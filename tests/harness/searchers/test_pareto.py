"""NSGA-II over scores and sizes, on a world whose whole space is known."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.foundation import UserError
from untrained.harness.search import (
    Budget,
    Domain,
    Evaluator,
    Limit,
    Problem,
    Scored,
    Search,
    Trained,
    find_estimator,
    run_search,
    searchers,
)
from untrained.spaces import spaces

SPACE = spaces["nasbenchmacro"]


def params(architecture) -> float:
    return float(sum(map(int, architecture.text)))


def score(architecture) -> float:
    """More parameters help, and a little more so in the later layers."""
    return float(sum(int(digit) * (1 + i / 10) for i, digit in enumerate(architecture.text)))


class Whole(Evaluator):
    def __init__(self, limits=(), missing: int = 10**9) -> None:
        domain = Domain(SPACE, limits=limits)
        self.problem = Problem(
            domain, "cifar10", find_estimator(["naswot"]), {"params": params, "flops": params}
        )
        self.missing = missing
        self.scored: list[str] = []

    def score(self, architecture):
        self.scored.append(architecture.text)
        gone = int(architecture.text) % self.missing == 0
        value = float("nan") if gone else score(architecture)
        return Scored(architecture, (value,), (value,), 1.0)

    def train(self, architecture, epochs):
        raise AssertionError("nothing is trained here")

    def price_s(self, request, item):
        return 1.0


def run(world: Whole, budget: Budget | None = None, seed: int = 0, **settings):
    search = Search(searchers["pareto"], world.problem, np.random.default_rng(seed), settings)
    return run_search(search, world, budget) if budget else run_search(search, world)


def listed(found) -> list[str]:
    places = np.flatnonzero(found.series["front"] == 1)
    return [found.incumbents[place] for place in places]


@pytest.mark.parametrize("budget", [None, Budget(evaluations=17), Budget(seconds=31.5)])
def test_the_front_is_what_nobody_dominates_among_all_that_was_evaluated(budget):
    world = Whole(missing=4)
    found = run(world, budget, population=8, generations=5)
    assert len(world.scored) == len(set(world.scored))
    if budget is None:
        assert len(world.scored) == 8 * 6
    have = [SPACE.parse(text) for text in world.scored if int(text) % 4]
    expected = [
        a.text
        for a in have
        if not any(
            (score(b) >= score(a) and params(b) <= params(a))
            and (score(b) > score(a) or params(b) < params(a))
            for b in have
        )
    ]
    assert sorted(listed(found)) == sorted(expected)
    costs = found.series["params"][np.flatnonzero(found.series["front"] == 1)]
    assert costs.tolist() == sorted(costs)
    assert found.final == listed(found)[-1]
    assert score(SPACE.parse(found.final)) == max(map(score, have))


class Looked(Whole):
    """Nothing is scored: an accuracy, a loss and a cost are looked up."""

    def __init__(self) -> None:
        super().__init__()
        targets = {
            "robust_accuracy": score,
            "val_loss": lambda one: -score(one) - (int(one.text) % 2),
            "energy_mj": params,
        }
        self.problem = Problem(Domain(SPACE), "cifar10", None, targets)

    def train(self, architecture, epochs):
        self.scored.append(architecture.text)
        return Trained(architecture, 0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "against", "signs"),
    [
        ("robust_accuracy", "energy_mj", (1, -1)),
        ("energy_mj", "robust_accuracy", (-1, 1)),
        ("val_loss", "robust_accuracy", (-1, 1)),
    ],
)
def test_any_two_targets_are_objectives_in_their_directions(first, against, signs):
    world = Looked()
    settings = {"by": "accuracy", "population": 6, "generations": 3}
    found = run(world, **settings, first=first, against=against)
    values = {
        text: [
            sign * world.problem.costs[name](SPACE.parse(text))
            for name, sign in zip((first, against), signs, strict=True)
        ]
        for text in world.scored
    }
    assert len(values) == 6 * 4
    expected = {
        a
        for a, mine in values.items()
        if not any(
            all(theirs[i] >= mine[i] for i in (0, 1)) and theirs != mine
            for theirs in values.values()
        )
    }
    assert {*listed(found)} == expected
    best = max(own for own, _ in values.values())
    assert values[found.final][0] == best
    place = np.flatnonzero(found.series["front"] == 0)[-1]
    assert values[found.incumbents[place]][0] == best
    assert found.series[first][place] == signs[0] * best


def test_two_first_objectives_are_refused():
    with pytest.raises(UserError, match=r"by scores and by params: .* Set by=accuracy"):
        run(Whole(), first="params", against="flops")


def test_it_comes_nearer_to_the_true_front_than_random_networks():
    def volume(architectures) -> float:
        """Area under the best score of at most so many parameters."""
        best = np.zeros(17)
        for one in architectures:
            size = int(params(one))
            best[size:] = np.maximum(best[size:], score(one))
        return float(best.sum())

    wins = 0
    for seed in range(5):
        world = Whole()
        found = run(world, seed=seed, population=20, generations=9)
        rng = np.random.default_rng(seed)
        drawn = [SPACE.sample(rng) for _ in range(len(world.scored))]
        wins += volume(map(SPACE.parse, listed(found))) > volume(drawn)
    assert wins == 5


def test_limits_are_kept():
    world = Whole(limits=[Limit("params", 6.0, params)])
    found = run(world, population=6, generations=4)
    assert all(params(SPACE.parse(text)) <= 6 for text in world.scored)
    assert listed(found)


def test_a_cost_that_nobody_knows_is_said():
    with pytest.raises(UserError, match=r"the cost 'energy' .* only flops, params is known here"):
        run(Whole(), against="energy")


def test_a_space_without_decisions_is_searched_by_mutation():
    space = spaces["darts"]

    class Darts(Whole):
        def __init__(self) -> None:
            super().__init__()
            self.problem = Problem(Domain(space), "cifar10", find_estimator(["naswot"]))

        def score(self, architecture):
            self.scored.append(architecture.text)
            value = float(architecture.text.count("sep_conv"))
            return Scored(architecture, (value,), (value,), 1.0)

    world = Darts()
    found = run(world, population=4, generations=3)
    assert len(world.scored) == 16
    assert all(text in space for text in listed(found))
    assert found.series["params"].min() > 1000
