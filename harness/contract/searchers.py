"""Checks of searchers, on a toy evaluator."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from untrained.harness.contract.promise import Broken, Finding, Inapplicable, Suite, require
from untrained.harness.search import (
    Asks,
    Budget,
    Domain,
    Problem,
    Scored,
    Search,
    Searcher,
    Trained,
    World,
    find_estimator,
    run_search,
)
from untrained.harness.search.driver import generator_of_run
from untrained.results.searches.speed import Trajectory
from untrained.spaces import Architecture, Benchmark, Target, spaces

ONE = ("naswot",)
SEVERAL = ("naswot", "ntk_condition", "params")


@dataclass
class Secret:
    """A stand-in for everything that a searcher must not reach."""

    test_accuracy: float = 99.0


class ToyWorld(World):
    """Scores and accuracies that are arithmetic of the text; each answer costs a second.

    If some are `missing`, it is every third.
    """

    def __init__(self, problem: Problem, *, missing: bool = False) -> None:
        """Start with no answer given."""
        self.problem = problem
        self.missing = missing
        self.secret = Secret()
        self.answered = 0

    def _number(self, architecture: Architecture) -> float:
        self.answered += 1
        number = sum(ord(letter) * (i % 7) for i, letter in enumerate(architecture.text)) % 1009
        return float("nan") if self.missing and number % 3 == 0 else number

    def score(self, architecture: Architecture) -> Scored:
        """Compute a score from the text."""
        number = self._number(architecture)
        assert self.problem.estimator is not None
        values = tuple(number / (k + 1) for k in range(len(self.problem.estimator.indicators)))
        return Scored(architecture, values, self.problem.estimator.oriented(values), 1.0)

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Compute an accuracy from the text, whatever the epochs."""
        return Trained(architecture, self._number(architecture) / 10.09, 1.0)

    def price_s(self, request: Any, item: Any) -> float | None:
        """Charge one second."""
        return 1.0


def toy_world(indicators: Sequence[str] = ONE, *, missing: bool = False) -> ToyWorld:
    """Make a toy world on NAS-Bench-201."""
    domain = Domain(spaces["nasbench201"])
    return ToyWorld(Problem(domain, "cifar10", find_estimator(indicators)), missing=missing)


def reachable(root: object) -> list[object]:
    """List everything that references lead to, except modules, classes and what modules hold."""
    # a process whose objects are frozen does not list its modules among them
    known = [*sys.modules.values(), *gc.get_objects()]
    names = {id(vars(module)) for module in known if type(module) is types.ModuleType}
    seen: dict[int, object] = {}
    todo = [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, types.ModuleType | type) or id(thing) in names:
            continue
        seen[id(thing)] = thing
        todo += gc.get_referents(thing)
    return list(seen.values())


EVALUATIONS = 20
SMALL: Mapping[str, object] = MappingProxyType(
    {
        "population": 6,
        "tournament": 3,
        "steps": 12,
        "scored": 8,
        "n": 15,
        "starts": 1,
        "startup": 3,
        "window": 4,
    }
)
"""Values of the parameters that several searchers have, so that a search is over soon."""
ON_SUPERNETS = frozenset({Asks.supernet, Asks.supernet_gradient})

says: Suite[Searcher] = Suite(declarative=True)
runs: Suite[Searcher] = Suite()


def searcher_promises(searcher: Searcher) -> Suite[Searcher]:
    """List what a searcher must keep; promises say themselves where they do not apply."""
    return Suite(says, runs)


def examine_searcher(searcher: Searcher) -> list[Finding]:
    """Check everything that a searcher promises, in a toy world on NAS-Bench-201.

    Args:
        searcher: need not be registered.

    Returns:
        A finding for each promise, in a fixed order.
    """
    return searcher_promises(searcher).findings(searcher)


def start(searcher: Searcher, world: ToyWorld, *, seed: int = 0) -> Search:
    """Start a small search in a toy world."""
    if searcher.asks & ON_SUPERNETS:
        raise Inapplicable("it asks for a supernet, which the toy world does not have")
    settings = {key: value for key, value in SMALL.items() if key in searcher.parameters}
    generator = generator_of_run(seed, searcher.name, 0)
    return Search(searcher, world.problem, generator, settings)


def run(
    searcher: Searcher, world: ToyWorld, *, seed: int = 0, evaluations: int = EVALUATIONS
) -> Trajectory:
    """Run a small search to its end, or until it has spent its evaluations."""
    budget = Budget(evaluations=evaluations)
    return run_search(start(searcher, world, seed=seed), world, budget)


@says.promise
def it_says_what_it_is(searcher: Searcher) -> None:
    """It has a title and a reference, says what it asks for and what its parameters mean."""
    require(bool(searcher.title), "its title is empty; tables print it")
    require(bool(searcher.reference), "its reference is empty; give authors, venue, year")
    require(bool(searcher.asks), "it asks for nothing; declare asks=frozenset({Asks...})")
    for name, parameter in searcher.parameters.items():
        require(bool(parameter.meaning), f"its parameter {name!r} has no meaning")
    defaults = {key: one.default for key, one in searcher.parameters.items()}
    require(
        searcher.settings({}) == defaults,
        f"its defaults are {defaults}, but its settings {searcher.settings({})}",
    )


@runs.promise_of_each({"one indicator": ONE, "several indicators": SEVERAL})
def the_same_seed_gives_the_same_trajectory(searcher: Searcher, indicators: Sequence[str]) -> None:
    """Equal seeds give equal searches, another seed another one ({})."""
    first, again = (run(searcher, toy_world(indicators)) for _ in range(2))
    require(
        first.incumbents == again.incumbents
        and first.final == again.final
        and np.array_equal(first.cost_s, again.cost_s),
        "two searches of one seed differ; draw random numbers from the generator given alone, and "
        "do not iterate over sets",
    )
    other = run(searcher, toy_world(indicators), seed=1)
    require(
        other.incumbents != first.incumbents,
        "a search of another seed is the same; draw from the generator given",
    )


@runs.promise_of_each({str(n): n for n in (1, 7, EVALUATIONS)})
def the_budget_is_kept(searcher: Searcher, evaluations: int) -> None:
    """With a budget of {} evaluations it gets no more answers than that, and all are counted."""
    world = toy_world()
    found = run(searcher, world, evaluations=evaluations)
    require(
        world.answered <= evaluations, f"of {evaluations} evaluations it spent {world.answered}"
    )
    counted = sum(found.counts.values())
    require(counted == world.answered, f"{counted} of {world.answered} answers are counted")


@runs.promise
def seconds_are_never_overspent(searcher: Searcher) -> None:
    """With a budget of 9.5 seconds it gets no more than nine answers of a second each."""
    world = toy_world()
    found = run_search(start(searcher, world), world, Budget(seconds=9.5))
    require(
        found.total_s == world.answered <= 9,
        f"of 9.5 seconds it spent {world.answered}, and its trajectory says {found.total_s}",
    )


@runs.promise
def it_ends_by_itself_or_says_that_only_a_budget_ends_it(searcher: Searcher) -> None:
    """Without a budget, under settings that are not declared endless, it ends with a member."""
    world = toy_world()
    search = start(searcher, world)
    require(
        not searcher.is_endless(search.settings),
        f"it declares {dict(searcher.endless)} to be endless, which its small settings hold",
    )
    found = run_search(search, world)
    require(found.stopped == "finished", f"it stopped with {found.stopped!r}")
    _answers(found)


def _answers(found: Trajectory) -> None:
    require(
        found.final in spaces["nasbench201"],
        f"its answer is {found.final!r}, which is no member of the space that it was given",
    )


@runs.promise
def missing_scores_are_survived(searcher: Searcher) -> None:
    """Where every third score or accuracy is NaN, it still ends with a member."""
    found = run(searcher, toy_world(missing=True))
    _answers(found)
    require(sum(found.counts.values()) > 0, "it asked for nothing")


@runs.promise
def every_answer_is_followed_by_an_incumbent(searcher: Searcher) -> None:
    """From the first answer on it logs what it would answer if it had to stop there."""
    found = run(searcher, toy_world())
    evaluations = list(found.evaluations)
    require(bool(evaluations), "it logs no incumbent; yield Incumbent(...) after every answer")
    require(
        evaluations[0] == 1,
        f"its first incumbent comes after {evaluations[0]} answers; yield Incumbent(...) after "
        "every answer",
    )
    require(
        set(np.diff(found.evaluations)) <= {0, 1} and evaluations[-1] == sum(found.counts.values()),
        f"its incumbents come after answers {evaluations}, of {sum(found.counts.values())}; yield "
        "Incumbent(...) after every answer",
    )


@runs.promise
def it_asks_for_no_more_than_it_declares(searcher: Searcher) -> None:
    """It asks for scores only if it declares scores, for accuracies only if it declares them."""
    asks = searcher.asks_with(start(searcher, toy_world()).settings)
    counts = run(searcher, toy_world()).counts
    for request, allowed in (
        ("Score", {Asks.scores, Asks.drawn_scores}),
        ("Train", {Asks.accuracy, Asks.drawn_accuracy}),
    ):
        require(
            request not in counts or bool(asks & allowed),
            f"it yields {request} {counts.get(request, 0)} times, but declares asks of "
            f"{', '.join(sorted(ask.name for ask in asks))} alone",
        )


@runs.promise
def nothing_that_a_searcher_holds_leads_to_test_accuracies(searcher: Searcher) -> None:
    """No reference leads from a running search to its world, a benchmark or a target."""
    world = toy_world()
    search = start(searcher, world)
    for _ in range(5):
        request = search.ask()
        if request is None:
            break
        items = getattr(request, "architectures", None)
        if items is None:
            raise Broken(f"it asks for {type(request).__name__}, which it does not declare")
        search.tell([world.answer(request, item) for item in items])
    reached = reachable(search)
    require(len(reached) > 20, "the search holds nothing")
    forbidden = (Benchmark, Target, World, Secret)
    leaks = sorted({type(thing).__name__ for thing in reached if isinstance(thing, forbidden)})
    require(not leaks, f"a running search leads to objects of {', '.join(leaks)}")
