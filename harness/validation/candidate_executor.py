"""Runs tasks where the candidate is registered, and hears what it did besides computing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from typing import TypeVar

from untrained.harness.execution.executors import Executor, WorkerDied
from untrained.harness.validation.access_audit import Sighting, take_sightings
from untrained.harness.validation.candidate import Candidate
from untrained.indicators import indicators

T = TypeVar("T")
R = TypeVar("R")


class CandidateExecutor:
    """An executor whose workers know the candidate."""

    def __init__(self, inner: Executor, candidate: Candidate) -> None:
        """Wrap an executor."""
        self._inner = inner
        self._candidate = candidate
        self._sightings: dict[Sighting, None] = {}

    @property
    def workers(self) -> int:
        """How many items are worked on at once."""
        return self._inner.workers

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """What has been seen so far in all processes."""
        return tuple(sorted(self._sightings))

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`."""
        with closing(self._inner.run(partial(_run, self._candidate, function), items)) as results:
            for item, result in results:
                if isinstance(result, WorkerDied):
                    yield item, result
                else:
                    value, sightings = result
                    self._sightings.update(dict.fromkeys(sightings))
                    yield item, value


def _run(
    candidate: Candidate, function: Callable[[T], R], item: T
) -> tuple[R, tuple[Sighting, ...]]:
    known = candidate.function in indicators
    if not known:
        candidate.register_for_life()
    return function(item), take_sightings()
