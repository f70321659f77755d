"""Quantities of a measurement, and the meter of their cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from untrained.indicators.framework.devices import wait_for

if TYPE_CHECKING:
    from untrained.indicators.framework.measurement import Measurement


Key = Callable[..., Any]


@dataclass(slots=True)
class _Work:
    """What a piece of work has used and cost so far; memory in bytes of an accelerator."""

    used: set[Key] = field(default_factory=set)
    own_s: float = 0.0
    begin: int = 0
    """What was allocated when the work began."""
    others: int = 0
    """What inner pieces of work have left allocated since."""
    peak: int = 0
    """The most that was allocated at any time, without the two above."""
    held: int = 0
    """What the work itself has left allocated."""


class Meter:
    """Nested stopwatch: time spent in an inner piece of work is not counted in the outer one."""

    def __init__(self, device: torch.device) -> None:
        """Start with nothing running; accelerator work is waited for at every switch."""
        self._device = device
        self._cuda = device.type == "cuda"
        self._running: list[_Work] = []
        self._since = 0.0
        self._done: dict[Key, _Work] = {}

    def _switch(self) -> int:
        """Book time and memory since the last switch to the innermost work; what is allocated."""
        peak = allocated = 0
        wait_for(self._device)
        if self._cuda:
            peak = torch.cuda.max_memory_allocated(self._device)
            allocated = torch.cuda.memory_allocated(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
        now = time.perf_counter()
        if self._running:
            work = self._running[-1]
            work.own_s += now - self._since
            work.peak = max(work.peak, peak - work.begin - work.others)
        self._since = now
        return allocated

    @contextmanager
    def work(self, key: Key | None = None) -> Iterator[Cost]:
        """Meter the body; `key` names the quantity it computes, None an indicator.

        The yielded cost is filled in when the body ends.
        """
        begin = self._switch()
        self._running.append(_Work(begin=begin))
        cost = Cost()
        try:
            yield cost
        finally:
            left = self._switch() - begin
            work = self._running.pop()
            work.held = max(left - work.others, 0)
            if self._running:
                self._running[-1].others += left
            if key is not None:
                self._done[key] = work
            self._fill(cost, work)

    def use(self, key: Key) -> None:
        """Note that the innermost piece of work uses a quantity."""
        if self._running:
            self._running[-1].used.add(key)

    def _fill(self, cost: Cost, work: _Work) -> None:
        used = self._used_by(work)
        cost.own_s = work.own_s
        cost.total_s = work.own_s + sum(one.own_s for one in used)
        if self._cuda:
            cost.own_peak_bytes = work.peak
            cost.peak_bytes = max(
                one.peak + sum(other.held for other in self._used_by(one)) for one in (work, *used)
            )

    def _used_by(self, work: _Work) -> list[_Work]:
        """The quantities that a piece of work uses, directly or not, each once."""
        reached: set[Key] = set()
        open_ = list(work.used)
        while open_:
            key = open_.pop()
            if key not in reached:
                reached.add(key)
                open_.extend(self._done[key].used)
        return [self._done[key] for key in reached]


V = TypeVar("V")


@dataclass(slots=True)
class Cost:
    """What a piece of work cost, without the quantities it used."""

    own_s: float = 0.0
    own_peak_bytes: int | None = None
    total_s: float = 0.0
    """`own_s` and the own seconds of every quantity used, directly or not, each once."""
    peak_bytes: int | None = None
    """The most that the same would have allocated by itself, besides network and batches: of each
    piece its own peak and what the quantities that it uses keep."""


def quantity(function: Callable[[Measurement], V]) -> Callable[[Measurement], V]:
    """Make a function of a measurement a quantity: computed lazily, at most once, and metered.

    An exception is an outcome like any other: a second indicator that needs the quantity gets the
    same exception without paying for it again.
    """

    @wraps(function)
    def once(measurement: Measurement) -> V:
        result: Any = measurement.quantity(function)
        return result  # type: ignore[no-any-return]

    return once
