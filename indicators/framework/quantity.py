"""Quantities of a measurement, and the meter of their cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import torch

if TYPE_CHECKING:
    from untrained.indicators.framework.measurement import Measurement


Key = Callable[..., Any]


@dataclass(slots=True)
class _Frame:
    used: set[Key] = field(default_factory=set)
    own_s: float = 0.0
    peak: int = 0


class Meter:
    """Nested stopwatch: time spent in an inner piece of work is not counted in the outer one."""

    def __init__(self, device: torch.device) -> None:
        """Start with nothing running; accelerator work is waited for at every switch."""
        self._device = device
        self._cuda = device.type == "cuda"
        self._frames: list[_Frame] = []
        self._since = 0.0
        self._costs: dict[Key, tuple[float, int, frozenset[Key]]] = {}

    def _switch(self) -> None:
        """Book the time and the memory peak since the last switch to the innermost frame."""
        peak = 0
        if self._cuda:
            torch.cuda.synchronize(self._device)
            peak = torch.cuda.max_memory_allocated(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
        now = time.perf_counter()
        if self._frames:
            self._frames[-1].own_s += now - self._since
            self._frames[-1].peak = max(self._frames[-1].peak, peak)
        self._since = now

    @contextmanager
    def work(self, key: Key | None = None) -> Iterator[Cost]:
        """Meter the body; `key` names the quantity it computes, None an indicator.

        The yielded cost is filled in when the body ends.
        """
        self._switch()
        self._frames.append(_Frame())
        cost = Cost()
        try:
            yield cost
        finally:
            self._switch()
            frame = self._frames.pop()
            if key is not None:
                self._costs[key] = (frame.own_s, frame.peak, frozenset(frame.used))
            self._fill(cost, frame)

    def use(self, key: Key) -> None:
        """Note that the innermost piece of work uses a quantity."""
        if self._frames:
            self._frames[-1].used.add(key)

    def _fill(self, cost: Cost, frame: _Frame) -> None:
        reached: set[Key] = set()
        open_ = list(frame.used)
        while open_:
            key = open_.pop()
            if key not in reached:
                reached.add(key)
                open_.extend(self._costs[key][2])
        cost.own_s = frame.own_s
        cost.total_s = frame.own_s + sum(self._costs[key][0] for key in reached)
        if self._cuda:
            cost.own_peak_bytes = frame.peak
            cost.peak_bytes = max([frame.peak, *(self._costs[key][1] for key in reached)])


V = TypeVar("V")


@dataclass(slots=True)
class Cost:
    """What a piece of work cost, without the quantities it used."""

    own_s: float = 0.0
    own_peak_bytes: int | None = None
    total_s: float = 0.0
    """`own_s` and the own seconds of every quantity used, directly or not, each once."""
    peak_bytes: int | None = None
    """The largest peak among the same."""


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
