"""The indicator under examination, and its readings in the situations that checks compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from untrained.harness.contract import fixtures
from untrained.harness.contract.promise import Inapplicable
from untrained.indicators import Indicator, Measurement, Need, Reading, read_items

Setup = Callable[["IndicatorCase"], Measurement]
"""Makes the network and batches of a situation, of the kind that the indicator reads."""


@dataclass(frozen=True, slots=True, eq=False)
class IndicatorCase:
    """An indicator and its readings, each measured when a check first asks for it."""

    item: Indicator
    together: Sequence[Indicator] = ()
    """Indicators that share `readings` and are read off one measurement with this one, which is
    cheaper. Empty for those of strangers, which might spoil a measurement for the rest."""
    readings: dict[tuple[str, Setup], Reading] = field(default_factory=dict)
    """By indicator and situation."""

    @property
    def reads_sequences(self) -> bool:
        """Whether the indicator measures recurrent networks instead of networks of images."""
        return Need.SEQUENCES in self.item.needs

    @property
    def needs_attention(self) -> bool:
        """Whether the indicator measures networks with attention."""
        return Need.ATTENTION in self.item.needs

    def network(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        """Build the small network that has everything that the indicator can need."""
        if self.reads_sequences:
            return fixtures.recurrent_network(dtype)
        if self.needs_attention:
            return fixtures.attentive_network(dtype)
        return fixtures.network(dtype=dtype)

    def batches(self) -> fixtures.Batches:
        """Make batches that have everything that the indicator can need."""
        return fixtures.sequences() if self.reads_sequences else fixtures.batches()

    def reading(self, setup: Setup, *, apart: bool = False) -> Reading:
        """Read the indicator in a situation, now or before, with the others or apart from them."""
        key = self.item.id, setup
        if key not in self.readings:
            shared = self.item in self.together and not apart
            items = self.together if shared else [self.item]
            for name, reading in read(setup(self), *items).items():
                self.readings[name, setup] = reading
        return self.readings[key]

    def needs(self, *needs: Need) -> bool:
        """Return whether the indicator declares one of these."""
        return bool(self.item.needs & set(needs))

    @property
    def usual(self) -> float:
        """The score of the healthy network, which others are compared with.

        Raises:
            Inapplicable: there is none, which another promise reports.
        """
        reading = self.reading(healthy)
        if reading.status != "ok":
            raise Inapplicable("it has no score of the healthy network to compare with")
        return reading.value


def healthy(case: IndicatorCase) -> Measurement:
    """Measure a network and batches with everything that the indicator can need."""
    return Measurement(case.network(), case.batches())


def float32(case: IndicatorCase) -> Measurement:
    """Measure the healthy network in float32."""
    return Measurement(case.network(torch.float32), case.batches())


def another_seed(case: IndicatorCase) -> Measurement:
    """Measure the healthy network with another seed."""
    return Measurement(case.network(), case.batches(), seed=1)


def other_weights(case: IndicatorCase) -> Measurement:
    """Measure the network of images with weights drawn anew."""
    return Measurement(fixtures.network(seed=1), case.batches())


def read(measurement: Measurement, *items: Indicator) -> dict[str, Reading]:
    """Read indicators off a measurement that is closed afterwards."""
    with torch.random.fork_rng(), measurement:
        return read_items(measurement, items)


def described(reading: Reading) -> str:
    """Say the value of a reading, or its status and reason."""
    if reading.status == "ok":
        return f"{reading.value!r}"
    return f"status {reading.status!r} ({reading.reason})"


def same(a: float, b: float) -> bool:
    """Return whether two scores are the same bits, NaN included."""
    return a == b or (math.isnan(a) and math.isnan(b))


def close(a: float, b: float, tolerance: float) -> bool:
    """Return whether two scores agree within a tolerance relative to the second."""
    return a == b or abs(a - b) <= max(tolerance * abs(b), 1e-12)
