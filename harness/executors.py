"""Where tasks run: in this process, or in worker processes that may die."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

from untrained.foundation import UserError
from untrained.harness.isolation import isolated
from untrained.harness.pool import Pool, WorkerDied

T = TypeVar("T")
R = TypeVar("R")

_DEATHS_IN_A_ROW = 10  # then it is not the tasks' fault


class Executor(Protocol):
    """Runs a function over items; results come as they are ready, in any order."""

    @property
    def workers(self) -> int:
        """How many items are worked on at once."""

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """Pairs of item and result. Closing the iterator stops what is under way."""


class SerialExecutor:
    """Runs tasks one after the other in this process."""

    workers = 1

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`."""
        for item in items:
            with isolated():
                result = function(item)
            yield item, result


class ProcessExecutor:
    """Runs tasks in spawned worker processes.

    When a worker dies, everything that was under way is lost with its pool. The pool is then made
    anew and the lost tasks are tried again one at a time: the one during which a worker dies again
    is the culprit, and it alone ends as `WorkerDied`.
    """

    def __init__(self, workers: int, *, gpus: int = 0) -> None:
        """Say how many processes there will be.

        Args:
            workers: number of processes, at least 1.
            gpus: GPUs to hand out in turn, 0 for the CPU.
        """
        self.workers = workers
        self._gpus = gpus

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`; `function`, items and results must be picklable.

        Raises:
            UserError: workers keep dying whatever they work on.
        """
        remaining = iter(items)
        suspects: deque[T] = deque()
        deaths = 0
        pool = Pool(self.workers, gpus=self._gpus)
        try:
            while True:
                alone = bool(suspects)
                lost: list[T] = []
                batch = iter([suspects.popleft()]) if alone else remaining
                for item, result in pool.run(function, batch, lost):
                    deaths = 0
                    yield item, result
                if lost:
                    deaths += 1
                    if deaths == _DEATHS_IN_A_ROW:
                        raise UserError(
                            f"worker processes died {deaths} times in a row, whatever they worked "
                            "on; see whether memory or a driver is at fault, or use --workers 1"
                        )
                    pool.stop()
                    pool = Pool(self.workers, gpus=self._gpus)
                    if alone:
                        yield lost[0], WorkerDied()
                    else:
                        suspects.extend(lost)
                elif not alone:
                    return
        finally:
            pool.stop()
