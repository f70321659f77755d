"""A search as ask and tell: the wrapper around a searcher's generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from untrained.foundation import Value
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    Answer,
    BudgetSpent,
    CostlyRequest,
    Incumbent,
    Request,
)
from untrained.harness.search.searcher import Searcher
from untrained.spaces import Architecture


class Search:
    """One run of a searcher, told the answers from outside.

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
        """Start a search; it has asked for nothing yet.

        Args:
            problem: what it is run on.
            settings: its parameters, those that are not to be the default.

        Raises:
            UserError: a setting that the searcher does not have or take.
        """
        self.searcher = searcher
        self.settings: dict[str, Value] = searcher.settings(settings)
        self.logged: list[Incumbent] = []
        """The steps that the searcher has logged."""
        self._steps = searcher.start(problem, rng, self.settings)
        self._next: CostlyRequest | None = None
        self._result: Architecture | None = None
        self._started = False

    def ask(self) -> CostlyRequest | None:
        """What the searcher wants to know; the same until it is told. None: it has ended."""
        if not self._started:
            self._started = True
            self._advance(None)
        return self._next

    def tell(self, answers: Sequence[Answer]) -> None:
        """Answer what was asked, one answer for each thing, in order."""
        assert self._next is not None, "nothing was asked"
        self._advance(list(answers))

    def stop(self, spent: BudgetSpent) -> None:
        """Say that what was asked does not fit into the budget; the searcher ends.

        Raises:
            RuntimeError: the searcher asks for more.
        """
        try:
            request = self._steps.throw(spent)
        except BudgetSpent:
            self._end(None)
            return
        except StopIteration as end:
            self._end(end.value)
            return
        if self._run_on(request) is not None:
            self._steps.close()
            raise RuntimeError(
                f"the searcher {self.searcher.name!r} asked for more although its budget is spent"
            )

    @property
    def result(self) -> Architecture | None:
        """The answer so far: what the searcher returned, else its last incumbent."""
        if self._result is not None:
            return self._result
        return self.logged[-1].architecture if self.logged else None

    def _advance(self, answers: list[Answer] | None) -> None:
        self._next = None
        try:
            request = self._steps.send(answers)
        except StopIteration as end:
            self._end(end.value)
            return
        self._next = self._run_on(request)

    def _run_on(self, request: Request) -> CostlyRequest | None:
        """Log incumbents until the searcher asks for something, or ends."""
        while isinstance(request, Incumbent):
            self.logged.append(request)
            try:
                request = next(self._steps)
            except StopIteration as end:
                self._end(end.value)
                return None
            except BudgetSpent:
                self._end(None)
                return None
        return request

    def _end(self, result: Architecture | None) -> None:
        self._next = None
        self._result = result
