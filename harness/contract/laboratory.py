"""Measurements that the checks share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from untrained.harness.contract import specimens
from untrained.harness.contract.promise import Inapplicable
from untrained.harness.contract.specimens import Batches
from untrained.indicators import Indicator, Measurement, Need, Reading, read_items

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Situation:
    """What is measured."""

    name: str
    network: Callable[[], nn.Module]
    batches: Callable[[], Batches] = field(default=specimens.batches)
    seed: int = 0
    """The measurement's."""
    apart: bool = False
    """It is measured for each indicator by itself, because few look at it."""


HEALTHY = Situation("healthy", specimens.network)
"""A network and batches with everything that an indicator of images can need."""
FLOAT32 = Situation("float32", lambda: specimens.network(dtype=torch.float32))
WITHOUT_LABELS = Situation("without labels", specimens.network, specimens.without_labels)
OTHER_LABELS = Situation("other labels", specimens.network, specimens.with_other_labels)
ONE_BATCH = Situation("one batch", specimens.network, lambda: specimens.batches()[:1])
ANOTHER_SEED = Situation("another seed", specimens.network, seed=1)
REINITIALISED = Situation("other weights", lambda: specimens.network(seed=1))
WITHOUT_GRADIENTS = Situation("no gradients", specimens.without_gradients)
NAN_WEIGHT = Situation("a NaN weight", specimens.with_nan_weight)


class Laboratory:
    """Measures situations on demand and remembers the readings."""

    def __init__(self, together: Sequence[Indicator] = ()) -> None:
        """Nothing is measured yet.

        Args:
            together: indicators that are read off one measurement of each situation, which is
                cheaper. Others are measured by themselves; so should be those of strangers,
                which might spoil a measurement for the rest.
        """
        self._together = {item.id: item for item in together}
        self._shared: dict[str, dict[str, Reading]] = {}
        self._alone: dict[tuple[str, str], Reading] = {}
        self._remembered: dict[str, Any] = {}

    def reading(self, item: Indicator, situation: Situation) -> Reading:
        """What an indicator gives in a situation, measured now or before."""
        if self._together.get(item.id) is item and not situation.apart:
            if situation.name not in self._shared:
                self._shared[situation.name] = measured(list(self._together.values()), situation)
            return self._shared[situation.name][item.id]
        key = item.id, situation.name
        if key not in self._alone:
            self._alone[key] = measured([item], situation)[item.id]
        return self._alone[key]

    def remembered(self, item: Indicator, measure: Callable[[], V]) -> V:
        """What another kind of measurement gave for an indicator, made now or before."""
        if item.id not in self._remembered:
            self._remembered[item.id] = measure()
        result: V = self._remembered[item.id]
        return result


@dataclass(frozen=True, slots=True)
class IndicatorCase:
    """An indicator, and where its readings come from."""

    item: Indicator
    laboratory: Laboratory = field(default_factory=Laboratory)

    def reading(self, situation: Situation) -> Reading:
        """What it gives in a situation."""
        return self.laboratory.reading(self.item, situation)

    def needs(self, *needs: Need) -> bool:
        """Whether it declares one of these."""
        return bool(self.item.needs & set(needs))

    @property
    def usual(self) -> float:
        """Its score of the healthy network, which others are compared with.

        Raises:
            Inapplicable: it has none, which another promise reports.
        """
        reading = self.reading(HEALTHY)
        if reading.status != "ok":
            raise Inapplicable("it has no score of the healthy network to compare with")
        return reading.value


def described(reading: Reading) -> str:
    """A reading in words."""
    if reading.status == "ok":
        return f"{reading.value!r}"
    return f"status {reading.status!r} ({reading.reason})"


def measured(items: Sequence[Indicator], situation: Situation) -> dict[str, Reading]:
    """Read some indicators off a measurement made for them."""
    net = situation.network()
    with (
        torch.random.fork_rng(),
        Measurement(net, situation.batches(), seed=situation.seed) as measurement,
    ):
        return read_items(measurement, items)


@contextmanager
def one_thread() -> Iterator[None]:
    """One CPU thread inside: sums of several are in no fixed order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def other_global_randomness() -> Iterator[None]:
    """Global random states inside that are not those outside, which are restored."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global state is meant
    with torch.random.fork_rng():
        torch.manual_seed(20261125)
        random.seed(20261125)
        np.random.seed(20261125)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])  # noqa: NPY002
