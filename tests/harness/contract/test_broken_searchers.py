"""Promises of searchers are broken by searchers that are made for it."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from untrained.harness.contract import Broken, examine_searcher, searcher_promises
from untrained.harness.search import Asks, Incumbent, Searcher, score, train
from untrained.spaces import Architecture, benchmarks


def climbing(problem, rng):
    """Random search that reports as it goes."""
    seen = []
    for _ in range(25):
        seen += yield from score([problem.sample(rng)])
        yield Incumbent(seen[problem.best(seen)].architecture)
    return seen[problem.best(seen)].architecture


GOOD = Searcher(
    name="climbing",
    title="Climbing",
    reference="for these tests, 2026",
    asks=frozenset({Asks.drawn_scores}),
    parameters=MappingProxyType({}),
    endless=MappingProxyType({}),
    deviations="",
    function=climbing,
)


def doing(function):
    return replace(GOOD, function=function)


def unseeded(problem, rng):
    return climbing(problem, np.random.default_rng())


def deaf(problem, rng):
    return climbing(problem, np.random.default_rng(0))


def silent(problem, rng):
    seen = yield from score([problem.sample(rng) for _ in range(10)])
    yield Incumbent(seen[0].architecture)


def elsewhere(problem, rng):
    yield from climbing(problem, rng)
    return Architecture("nasbench201", "the best of all")


def greedy(problem, rng):
    """Takes the end of its budget for a beginning."""
    try:
        yield from climbing(problem, rng)
    except Exception:
        yield from climbing(problem, rng)


def proud(problem, rng):
    """Cannot live without a score."""
    for _ in range(25):
        [found] = yield from score([problem.sample(rng)])
        assert found.values[0] == found.values[0]
        yield Incumbent(found.architecture)


def trains(problem, rng):
    [found] = yield from train([problem.sample(rng)])
    yield Incumbent(found.architecture)


def spies(problem, rng):
    table = benchmarks["nasbench201-analog"]
    answer = yield from climbing(problem, rng)
    return max((answer, problem.sample(rng)), key=table.query)


FAULTY = [
    ("it_says_what_it_is", replace(GOOD, title=""), "its title is empty"),
    ("the_same_seed_gives_the_same_trajectory[one indicator]", doing(unseeded), "of one seed"),
    ("the_same_seed_gives_the_same_trajectory[several indicators]", doing(deaf), "another seed is"),
    ("the_budget_is_kept[7]", doing(greedy), "asked for more although its budget is spent"),
    ("seconds_are_never_overspent", doing(greedy), "asked for more although its budget is spent"),
    ("it_ends_by_itself_or_says_that_only_a_budget_ends_it", doing(elsewhere), "no member"),
    ("missing_scores_are_survived", doing(proud), "AssertionError"),
    ("every_answer_is_followed_by_an_incumbent", doing(silent), "comes after 10 answers"),
    ("it_asks_for_no_more_than_it_declares", doing(trains), "it yields Train 1 times"),
    ("nothing_that_a_searcher_holds_leads_to_test_accuracies", doing(spies), "leads to objects of"),
]


def test_the_searcher_that_the_faulty_ones_are_made_of_keeps_everything() -> None:
    assert [f for f in examine_searcher(GOOD) if f.kept is not True] == []


def test_there_is_a_faulty_searcher_for_each_promise() -> None:
    promises = {one.name.partition("[")[0] for one in searcher_promises(GOOD)}
    assert promises == {name.partition("[")[0] for name, _, _ in FAULTY}


@pytest.mark.parametrize(("name", "item", "text"), FAULTY, ids=[name for name, _, _ in FAULTY])
def test_a_faulty_searcher_breaks_its_promise(name: str, item: Searcher, text: str) -> None:
    finding = searcher_promises(item)[name].finding(item)
    assert finding.kept is False
    assert text in finding.detail


def test_a_broken_promise_is_an_assertion() -> None:
    with pytest.raises(AssertionError) as caught:
        searcher_promises(GOOD)["it_says_what_it_is"](replace(GOOD, reference=""))
    assert isinstance(caught.value, Broken)
