"""Running a search in a world: every answer is counted and paid for."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from untrained.foundation import UserError
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.requests import Answer, BudgetSpent, CostlyRequest, items
from untrained.harness.search.search import Search
from untrained.results.searches.speed import Trajectory


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search has to stop; without either, when it wants to."""

    seconds: float | None = None
    """Of simulated or measured cost."""
    evaluations: int | None = None
    """Answers, of whatever kind."""

    def forbids(self, spent_s: float, evaluations: int, price_s: float | None) -> str | None:
        """What one more evaluation would go past: `seconds`, `evaluations` or nothing.

        An evaluation whose price is only known afterwards is made if anything is left.

        Args:
            price_s: of the next one, None if not known.
        """
        if self.evaluations is not None and evaluations >= self.evaluations:
            return "evaluations"
        if self.seconds is None:
            return None
        over = spent_s >= self.seconds if price_s is None else spent_s + price_s > self.seconds
        return "seconds" if over else None


UNLIMITED = Budget()


def run_search(search: Search, world: World, budget: Budget = UNLIMITED) -> Trajectory:
    """Run a search to its end or to that of its budget.

    An evaluation that would go past the budget is not made; the searcher gets `BudgetSpent` at
    its `yield`, and its last incumbent is the answer unless it returns another.

    Returns:
        What it did, one step for every incumbent it logged.

    Raises:
        UserError: only a budget ends the search and there is none, or nothing of it fits the
            budget.
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
            world.prepare(request)
        answers: list[Answer] = []
        for item in items(request):
            stop = ledger.forbids(world, request, item)
            if stop is not None:
                search.stop(BudgetSpent(stop, answers))
                break
            answers.append(world.answer(request, item))
            ledger.pay(request, answers[-1].cost_s)
        else:
            search.tell(answers)
        ledger.enter(search)
    result = search.result
    if result is None:
        raise UserError(
            f"{search.searcher.name} ended without an answer: the budget of "
            f"{ledger.stopped or 'its settings'} does not pay for its first step; raise it"
        )
    return ledger.trajectory(search, result.text, world.measured_on)


class _Ledger:
    """Cost and number of evaluations at every step."""

    def __init__(self, budget: Budget) -> None:
        self.stopped = ""
        self._budget = budget
        self._spent_s = 0.0
        self._count: Counter[str] = Counter()
        self._evaluations = 0
        self._costs: list[float] = []
        self._numbers: list[int] = []

    def forbids(self, world: World, request: CostlyRequest, item: object) -> str | None:
        budget = self._budget
        if budget.seconds is None and budget.evaluations is None:
            return None
        price = None if budget.seconds is None else world.price_s(request, item)
        reason = budget.forbids(self._spent_s, self._evaluations, price)
        self.stopped = reason or ""
        return reason

    def has_room_for(self, count: int) -> bool:
        """Whether so many more evaluations keep the budget: only these are prepared."""
        most = self._budget.evaluations
        left = math.inf if most is None else most - self._evaluations
        is_spent = self._budget.seconds is not None and self._spent_s >= self._budget.seconds
        return count <= left and not is_spent

    def pay(self, request: CostlyRequest, cost_s: float) -> None:
        self._spent_s += cost_s
        self._evaluations += 1
        self._count[type(request).__name__] += 1

    def enter(self, search: Search) -> None:
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
