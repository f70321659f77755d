"""Run searches: request by request, every answer counted and its cost added up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from untrained.foundation import UserError, Value, derive
from untrained.harness.search.evaluators.evaluator import Evaluator
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    Answer,
    BudgetSpent,
    CostlyRequest,
    Incumbent,
    Request,
    items,
)
from untrained.harness.search.searcher import Searcher
from untrained.results.searches.speed import Trajectory
from untrained.spaces import Architecture


class Search:
    """One run of a searcher, with answers from outside.

    search = Search(searchers["rea"], problem, rng, {"population": 20})
    while (request := search.ask()) is not None:
        search.tell(answers_to(request))
    search.result
    """

    def __init__(
        self,
        searcher: Searcher,
        problem: Problem,
        rng: np.random.Generator,
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Start a search with the settings that differ from the default, without a request.

        Raises:
            UserError: the searcher does not have a setting, or refuses its value.
        """
        self.searcher = searcher
        self.settings: dict[str, Value] = searcher.settings(settings)
        self.logged: list[Incumbent] = []
        """Steps that the searcher has logged."""
        self._steps = searcher.start(problem, rng, self.settings)
        self._next: CostlyRequest | None = None
        self._result: Architecture | None = None
        self._started = False

    def ask(self) -> CostlyRequest | None:
        """Return the pending request; None if the search has ended."""
        if not self._started:
            self._started = True
            self._go_on(lambda: self._steps.send(None))
        return self._next

    def tell(self, answers: Sequence[Answer]) -> None:
        """Answer the pending request, one answer per item, in order."""
        assert self._next is not None, "no request is pending"
        self._go_on(lambda: self._steps.send(list(answers)))

    def stop(self, spent: BudgetSpent) -> None:
        """End the search because the pending request does not fit into the budget.

        Raises:
            RuntimeError: the searcher yields another request.
        """
        self._go_on(lambda: self._steps.throw(spent))
        if self._next is not None:
            self._steps.close()
            raise RuntimeError(
                f"the searcher {self.searcher.name!r} asked for more although its budget is spent"
            )

    @property
    def result(self) -> Architecture | None:
        """The architecture that the searcher returned, else its last incumbent."""
        if self._result is not None:
            return self._result
        return self.logged[-1].architecture if self.logged else None

    def _go_on(self, resume: Callable[[], Request]) -> None:
        """Resume the searcher; log incumbents until it yields another request, or ends."""
        self._next = None
        try:
            request = resume()
            while isinstance(request, Incumbent):
                self.logged.append(request)
                request = next(self._steps)
            self._next = request
        except StopIteration as end:
            self._result = end.value
        except BudgetSpent:  # the searcher has not caught it: its last incumbent is the answer
            pass


@dataclass(frozen=True, slots=True)
class Budget:
    """The end of a search; without either limit, the searcher ends by itself."""

    seconds: float | None = None
    """Simulated or measured cost."""
    evaluations: int | None = None
    """Answers of any kind."""

    def forbids(self, spent_s: float, evaluations: int, price_s: float | None) -> str | None:
        """Name the limit that one more evaluation would exceed: `seconds`, `evaluations` or None.

        An evaluation of unknown price (None) is allowed if any budget is left.
        """
        if self.evaluations is not None and evaluations >= self.evaluations:
            return "evaluations"
        if self.seconds is None:
            return None
        over = spent_s >= self.seconds if price_s is None else spent_s + price_s > self.seconds
        return "seconds" if over else None


UNLIMITED = Budget()


def run_search(search: Search, evaluator: Evaluator, budget: Budget = UNLIMITED) -> Trajectory:
    """Run a search until it ends or its budget is spent.

    An evaluation that would exceed the budget is skipped; the searcher gets `BudgetSpent` at
    its `yield`, and its last incumbent is the answer unless it returns another.

    Returns:
        One step for every incumbent that the searcher logged.

    Raises:
        UserError: only a budget ends the search and there is none, or the first evaluation does
            not fit into the budget.
    """
    if budget == UNLIMITED and search.searcher.is_endless(search.settings):
        chosen = ", ".join(f"{k} = {v}" for k, v in search.searcher.endless.items())
        raise UserError(
            f"{search.searcher.name} with {chosen} only ends when its budget is spent, and there "
            "is none; give a budget in seconds or evaluations, or set another value"
        )
    ledger = _Ledger(budget)
    while (request := search.ask()) is not None:
        if ledger.has_room_for(len(items(request))):
            evaluator.prepare(request)
        answers: list[Answer] = []
        for item in items(request):
            stop = ledger.forbids(evaluator, request, item)
            if stop is not None:
                search.stop(BudgetSpent(stop, answers))
                break
            answers.append(evaluator.answer(request, item))
            ledger.add(request, answers[-1].cost_s)
        else:
            search.tell(answers)
        ledger.date_steps(search)
    result = search.result
    if result is None:
        raise UserError(
            f"{search.searcher.name} ended without an answer: the budget of "
            f"{ledger.stopped or 'its settings'} is smaller than the cost of the first step; "
            "increase it"
        )
    return ledger.trajectory(search, result.text, evaluator.measured_on)


class _Ledger:
    """Adds up cost and number of evaluations at every step."""

    def __init__(self, budget: Budget) -> None:
        self.stopped = ""
        self._budget = budget
        self._spent_s = 0.0
        self._count: Counter[str] = Counter()
        self._evaluations = 0
        self._costs: list[float] = []
        self._numbers: list[int] = []

    def forbids(self, evaluator: Evaluator, request: CostlyRequest, item: object) -> str | None:
        price = None if self._budget.seconds is None else evaluator.price_s(request, item)
        reason = self._budget.forbids(self._spent_s, self._evaluations, price)
        self.stopped = reason or ""
        return reason

    def has_room_for(self, count: int) -> bool:
        """Tell whether so many more evaluations fit: only then is a request prepared."""
        most = self._budget.evaluations
        left = math.inf if most is None else most - self._evaluations
        is_spent = self._budget.seconds is not None and self._spent_s >= self._budget.seconds
        return count <= left and not is_spent

    def add(self, request: CostlyRequest, cost_s: float) -> None:
        self._spent_s += cost_s
        self._evaluations += 1
        self._count[type(request).__name__] += 1

    def date_steps(self, search: Search) -> None:
        """Date the steps that have been logged since the last call."""
        for _ in range(len(search.logged) - len(self._costs)):
            self._costs.append(self._spent_s)
            self._numbers.append(self._evaluations)

    def trajectory(self, search: Search, final: str, measured_on: str) -> Trajectory:
        names = sorted({name for step in search.logged for name in step.series})
        return Trajectory(
            cost_s=np.array(self._costs, dtype=np.float64),
            evaluations=np.array(self._numbers, dtype=np.int64),
            incumbents=tuple(step.architecture.text for step in search.logged),
            series={
                name: np.array([step.series.get(name, np.nan) for step in search.logged])
                for name in names
            },
            final=final,
            stopped=self.stopped or "finished",
            total_s=self._spent_s,
            counts=dict(sorted(self._count.items())),
            measured_on=measured_on,
        )


def generator_of_run(seed: int, searcher: str, run: int) -> np.random.Generator:
    """Make the random numbers of one run, independent of the other runs and their number."""
    return np.random.default_rng(derive(seed, "search", searcher, run))


def run_many(
    searcher: Searcher,
    evaluator: Evaluator,
    *,
    runs: int,
    seed: int = 0,
    settings: Mapping[str, object] = MappingProxyType({}),
    budget: Budget = UNLIMITED,
    problems: Sequence[Problem] = (),
    done: Sequence[Trajectory] = (),
    on_run: Callable[[Sequence[Trajectory]], None] = lambda runs: None,
) -> list[Trajectory]:
    """Run a search several times; errors as in `Search` and `run_search`.

    Args:
        problems: parts of the evaluator's problem, one a pool, over which runs are divided: run r
            gets number r modulo their number. Without any, every run gets the whole.
        done: the first runs, which are not run again.
        on_run: receives the runs so far after each of them.
    """
    trajectories = [*done[:runs]]
    for run in range(len(trajectories), runs):
        rng = generator_of_run(seed, searcher.name, run)
        place = run % len(problems) if problems else 0
        problem = problems[place] if problems else evaluator.problem
        found = run_search(Search(searcher, problem, rng, settings), evaluator, budget)
        trajectories.append(replace(found, pool=place + 1) if problems else found)
        on_run(trajectories)
    return trajectories
