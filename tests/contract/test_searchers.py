"""What every registered searcher promises, on a small table of NAS-Bench-201."""

import gc
import types
from dataclasses import dataclass

import numpy as np
import pytest

from untrained.harness.search import (
    Asks,
    Budget,
    Domain,
    Problem,
    Scored,
    Search,
    Trained,
    World,
    find_estimator,
    run_search,
    searchers,
)
from untrained.harness.search.repeated import generator_of_run
from untrained.indicators import indicators
from untrained.spaces import Benchmark, Target, spaces

SMALL = {
    "population": 6,
    "tournament": 3,
    "steps": 12,
    "scored": 8,
    "n": 15,
    "starts": 1,
    "startup": 3,
    "window": 4,
}
ON_SUPERNETS = {Asks.supernet, Asks.supernet_gradient}
ON_TABLES = [name for name, item in searchers.items() if not item.asks & ON_SUPERNETS]
on_tables = pytest.mark.parametrize("name", ON_TABLES)
EVALUATIONS = 20


@dataclass
class Secret:
    """Stands for everything that a searcher must not get hold of."""

    test_accuracy: float = 99.0


class Toy(World):
    """Scores and accuracies that are arithmetic of the text; every third score is missing."""

    def __init__(self, problem: Problem, *, missing: bool = False) -> None:
        self.problem = problem
        self.missing = missing
        self.secret = Secret()
        self.answered = 0

    def _number(self, architecture):
        return sum(ord(letter) * (i % 7) for i, letter in enumerate(architecture.text)) % 1009

    def score(self, architecture):
        self.answered += 1
        number = self._number(architecture)
        names = self.problem.estimator.indicators
        gone = self.missing and number % 3 == 0
        values = tuple(float("nan") if gone else number / (k + 1) for k in range(len(names)))
        return Scored(architecture, values, self.problem.estimator.oriented(values), 1.0)

    def train(self, architecture, epochs):
        self.answered += 1
        number = self._number(architecture)
        gone = self.missing and number % 3 == 0
        return Trained(architecture, float("nan") if gone else number / 10.09, 1.0)

    def price_s(self, request, item):
        return 1.0


def toy(*, missing: bool = False, indicator: tuple[str, ...] = ("naswot",)) -> Toy:
    domain = Domain(spaces["nasbench201"])
    return Toy(Problem(domain, "cifar10", find_estimator(indicator)), missing=missing)


def start(name: str, world: Toy, *, seed: int = 0) -> Search:
    item = searchers[name]
    settings = {key: value for key, value in SMALL.items() if key in item.parameters}
    return Search(item, world.problem, generator_of_run(seed, name, 0), settings)


def run(name: str, world: Toy, *, seed: int = 0, budget: int = EVALUATIONS):
    return run_search(start(name, world, seed=seed), world, Budget(evaluations=budget))


@on_tables
@pytest.mark.parametrize("indicator", [("naswot",), ("naswot", "ntk_condition", "params")])
def test_the_same_seed_gives_the_same_trajectory(name, indicator):
    first, again = (run(name, toy(indicator=indicator)) for _ in range(2))
    assert first.incumbents == again.incumbents
    assert first.final == again.final
    assert np.array_equal(first.cost_s, again.cost_s)
    other = run(name, toy(indicator=indicator), seed=1)
    assert other.incumbents != first.incumbents


@on_tables
@pytest.mark.parametrize("budget", [1, 7, EVALUATIONS])
def test_the_budget_is_kept(name, budget):
    world = toy()
    found = run(name, world, budget=budget)
    assert world.answered <= budget
    assert sum(found.counts.values()) == world.answered


@on_tables
def test_seconds_are_never_overspent(name):
    found = run_search(start(name, world := toy()), world, Budget(seconds=9.5))
    assert found.total_s == world.answered <= 9


@on_tables
def test_it_ends_by_itself_or_says_that_only_a_budget_ends_it(name):
    item = searchers[name]
    assert not item.is_endless(start(name, toy()).settings)
    found = run_search(start(name, world := toy()), world)
    assert found.stopped == "finished"
    assert found.final in spaces["nasbench201"]


@on_tables
def test_missing_scores_are_survived(name):
    found = run(name, toy(missing=True))
    assert found.final in spaces["nasbench201"]
    assert sum(found.counts.values()) > 0


@on_tables
def test_every_answer_is_followed_by_an_incumbent(name):
    found = run(name, toy())
    assert found.evaluations[0] == 1
    assert set(np.diff(found.evaluations)) <= {0, 1}
    assert found.evaluations[-1] == sum(found.counts.values())


@on_tables
def test_it_asks_for_no_more_than_it_declares(name):
    asks = searchers[name].asks_with(start(name, toy()).settings)
    counts = run(name, toy()).counts
    assert ("Score" in counts) <= bool(asks & {Asks.scores, Asks.drawn_scores})
    assert ("Train" in counts) <= bool(asks & {Asks.accuracy, Asks.drawn_accuracy})


@on_tables
def test_nothing_that_a_searcher_holds_leads_to_test_accuracies(name):
    world = toy()
    search = start(name, world)
    for _ in range(5):
        request = search.ask()
        if request is None:
            break
        search.tell([world.answer(request, item) for item in request.architectures])
    reached = reachable(search)
    assert len(reached) > 20
    forbidden = (Benchmark, Target, World, Secret)
    assert not [thing for thing in reached if isinstance(thing, forbidden)]


def test_the_walk_over_references_finds_what_is_hidden():
    secret = Secret()
    hidden = {"a": [lambda: secret]}
    assert any(isinstance(thing, Secret) for thing in reachable(hidden))


def reachable(root):
    """Everything that references lead to, but for modules, classes and what modules hold."""
    names = {id(vars(module)) for module in gc.get_objects() if type(module) is types.ModuleType}
    seen, todo = {}, [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, types.ModuleType | type) or id(thing) in names:
            continue
        seen[id(thing)] = thing
        todo += gc.get_referents(thing)
    return list(seen.values())


@pytest.mark.parametrize("name", list(searchers))
def test_it_says_what_it_is(name):
    item = searchers[name]
    assert item.title
    assert item.reference
    assert item.asks
    assert all(parameter.meaning for parameter in item.parameters.values())
    assert item.settings({}) == {key: one.default for key, one in item.parameters.items()}
    assert "naswot" in indicators
