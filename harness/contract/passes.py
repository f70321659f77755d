"""Passes of a network, counted by the convolutions that are called."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.harness.contract import specimens
from untrained.harness.contract.laboratory import IndicatorCase, described
from untrained.harness.contract.promise import Suite, require
from untrained.indicators import Indicator, Measurement, Reading, read_items
from untrained.spaces import Network

CLASSES, BATCH_SIZE, NUM_BATCHES = specimens.NUM_CLASSES, 9, 2  # all their products differ

Passes = tuple[int, int]
"""Convolutions called forward and backward."""

passes: Suite[IndicatorCase] = Suite()


class CountedConvolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts calls by whose work they are."""

    def __init__(self) -> None:
        """Nothing is counted yet; only calls that somebody owns are."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.owners: list[Any] = []
        self.forward: Counter[Any] = Counter()
        self.backward_inputs: Counter[Any] = Counter()
        self.backward_weights: Counter[Any] = Counter()
        self.of_images: Counter[str] = Counter()
        """Calls of the one layer that sees three channels."""
        self.shapes: set[tuple[int, ...]] = set()
        """Of the weights that are convolved with."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count a convolution and call it."""
        if self.owners and func is torch.ops.aten.convolution.default:
            self.forward[self.owners[-1]] += 1
            self.of_images["forward"] += args[1].shape[1] == 3
            self.shapes.add(tuple(args[1].shape))
        if self.owners and func is torch.ops.aten.convolution_backward.default:
            of_input, of_weight, _ = args[-1]
            self.backward_inputs[self.owners[-1]] += of_input
            self.backward_weights[self.owners[-1]] += of_weight
            self.of_images["backward"] += args[2].shape[1] == 3
        return func(*args, **(kwargs or {}))

    @contextmanager
    def owned_by(self, owner: Any) -> Iterator[None]:
        """Calls inside are this one's, but for those that something else owns further inside."""
        self.owners.append(owner)
        try:
            yield
        finally:
            self.owners.pop()

    def by_owner(self) -> dict[Any, Passes]:
        """Convolutions called, by whose work they are."""
        backward = self.backward_inputs | self.backward_weights  # vmap asks for them apart
        owners = self.forward.keys() | backward.keys()
        return {owner: (self.forward[owner], backward[owner]) for owner in owners}

    @property
    def total(self) -> Passes:
        """All convolutions called."""
        found = self.by_owner().values()
        return sum(f for f, _ in found), sum(b for _, b in found)


class CountedMeasurement(Measurement):
    """A measurement that knows for which quantity a convolution is called."""

    counted: CountedConvolutions

    def quantity(self, function: Callable[[Measurement], Any]) -> Any:
        """See `Measurement`; what is called inside is the quantity's."""
        with self.counted.owned_by(function):
            return super().quantity(function)


def network() -> Network:
    """The network whose convolutions are counted; float32."""
    return specimens.network(dtype=torch.float32)


def num_layers() -> int:
    """How many convolutions a pass calls."""
    return sum(isinstance(module, nn.Conv2d) for module in network().modules())


def counted(items: Sequence[Indicator]) -> tuple[CountedConvolutions, dict[str, Reading]]:
    """Read indicators off one measurement and count convolutions.

    Args:
        items: in the order in which they are read.

    Returns:
        The counts, owned by a quantity's function or else by the id of the indicator; readings.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (BATCH_SIZE, 3, specimens.PIXELS, specimens.PIXELS)
    batches = [
        (torch.randn(shape, generator=generator), torch.arange(BATCH_SIZE) % CLASSES)
        for _ in range(NUM_BATCHES)
    ]
    measurement = CountedMeasurement(network(), batches)
    measurement.counted = counts = CountedConvolutions()
    readings: dict[str, Reading] = {}
    with measurement, counts:
        for item in items:
            with counts.owned_by(item.id):
                readings |= read_items(measurement, [item])
    return counts, readings


@cache
def counted_alone(item: Indicator) -> tuple[CountedConvolutions, Reading]:
    """Read one indicator by itself and count convolutions."""
    counts, readings = counted([item])
    return counts, readings[item.id]


@passes.promise
def it_costs_the_passes_it_declares(case: IndicatorCase) -> None:
    """Read by itself it takes the forward and backward passes of the network it declares."""
    counts, reading = counted_alone(case.item)
    require(
        reading.status == "ok",
        f"its passes cannot be counted: a network in float32 with two batches of {BATCH_SIZE} "
        f"images gets {described(reading)}",
    )
    declared = case.item.cost.number(
        batch_size=BATCH_SIZE, num_classes=CLASSES, num_batches=NUM_BATCHES
    )
    if counts.shapes <= {tuple(p.shape) for p in network().parameters()}:
        # a pass that stops short of some layers counts as a whole
        forward, backward = (math.ceil(count / num_layers()) for count in counts.total)
    else:  # a copy, which has other layers at its end
        forward, backward = counts.of_images["forward"], counts.of_images["backward"]
    require(
        (forward, backward) == declared,
        f"it declares cost={str(case.item.cost)!r}, which for {BATCH_SIZE} samples, {CLASSES} "
        f"classes and {NUM_BATCHES} batches is {declared[0]} forward and {declared[1]} backward, "
        f"but it takes {forward} forward and {backward} backward",
    )
