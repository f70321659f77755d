"""Checks of the side effects of an indicator and of the passes that it costs."""

from __future__ import annotations

import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.harness.contract import fixtures
from untrained.harness.contract.indicator_case import IndicatorCase, described, read
from untrained.harness.contract.promise import Suite, require
from untrained.indicators import Indicator, Measurement, Reading, read_items
from untrained.indicators.fused.kernels import SWITCH
from untrained.spaces import Network

CLASSES, BATCH_SIZE, NUM_BATCHES = fixtures.NUM_CLASSES, 9, 2  # all their products differ

Passes = tuple[int, int]
"""Convolutions called forward and backward."""

effects: Suite[IndicatorCase] = Suite()
"""Of indicators of every kind."""
image_effects: Suite[IndicatorCase] = Suite()


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

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first call imports the compiler, which takes seconds

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
    return fixtures.network(dtype=torch.float32)


@cache
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
    shape = (BATCH_SIZE, 3, fixtures.PIXELS, fixtures.PIXELS)
    batches = [
        (torch.randn(shape, generator=generator), torch.arange(BATCH_SIZE) % CLASSES)
        for _ in range(NUM_BATCHES)
    ]
    measurement = CountedMeasurement(network(), batches)
    measurement.counted = counts = CountedConvolutions()
    readings: dict[str, Reading] = {}
    # compiled reverse passes of many samples stand for a backward pass of each
    with patch.dict(os.environ, {SWITCH: "torch"}), measurement, counts:
        for item in items:
            with counts.owned_by(item.id):
                readings |= read_items(measurement, [item])
    return counts, readings


@cache
def counted_alone(item: Indicator) -> tuple[CountedConvolutions, Reading]:
    """Read one indicator by itself and count convolutions."""
    counts, readings = counted([item])
    return counts, readings[item.id]


@cache
def _shapes() -> set[tuple[int, ...]]:
    return {tuple(p.shape) for p in network().parameters()}


def _passes_taken(item: Indicator) -> tuple[Passes, Reading]:
    counts, reading = counted_alone(item)
    if counts.shapes <= _shapes():
        # a pass that stops short of some layers counts as a whole
        forward, backward = (math.ceil(calls / num_layers()) for calls in counts.total)
    else:  # a copy, which has other layers at its end
        forward, backward = counts.of_images["forward"], counts.of_images["backward"]
    return (forward, backward), reading


def _counted_passes_taken(case: IndicatorCase) -> tuple[Passes, Reading]:
    net = case.network()
    assert isinstance(net, fixtures.CountedNetwork)
    reading = read(Measurement(net, case.batches()), case.item)[case.item.id]
    return (net.passes["forward"], net.passes["backward"]), reading


@effects.promise
def it_costs_the_passes_it_declares(case: IndicatorCase) -> None:
    """Read by itself it takes the forward and backward passes of the network it declares."""
    if case.reads_sequences or case.needs_attention:
        (forward, backward), reading = _counted_passes_taken(case)
        samples, classes, batches = fixtures.NUM_SEQUENCES, fixtures.NUM_WORDS, 1
        if case.needs_attention:
            samples, classes, batches = fixtures.BATCH_SIZE, CLASSES, NUM_BATCHES
    else:
        (forward, backward), reading = _passes_taken(case.item)
        samples, classes, batches = BATCH_SIZE, CLASSES, NUM_BATCHES
    require(
        reading.status == "ok",
        f"its passes cannot be counted: {batches} batches of {samples} samples get "
        f"{described(reading)}",
    )
    declared = case.item.cost.number(batch_size=samples, num_classes=classes, num_batches=batches)
    require(
        (forward, backward) == declared,
        f"it declares cost={str(case.item.cost)!r}, which for {samples} samples, {classes} "
        f"classes and {batches} batches is {declared[0]} forward and {declared[1]} backward, "
        f"but it takes {forward} forward and {backward} backward",
    )


REMEDY = (
    "work on a copy (copy.deepcopy(m.network)), remove hooks in a finally clause, draw random "
    "numbers from m.generator(purpose)"
)


@effects.promise
def everything_is_left_as_found(case: IndicatorCase) -> None:
    """Network, gradients, buffers, hooks, training mode, batches and randomness stay as found."""
    net, batches = case.network(), case.batches()
    fixtures.wear(net, batches[0][0])
    before, original = state(net), case.batches()
    with Measurement(net, batches) as measurement:
        # the measurement's own may be copies in another memory format
        shared = [tuple(None if t is None else t.clone() for t in b) for b in measurement.batches]
        reading = read_items(measurement, [case.item])[case.item.id]
        spoilt = not equal(shared, measurement.batches)
    changed = differences(before, state(net))
    if spoilt or not equal(original, batches):
        changed.append("the batches")
    require(not changed, f"it changes {', '.join(changed)}; {REMEDY}")
    require(
        reading.status == "ok",
        "a network with frozen parameters, mixed training flags, gradients and hooks gets "
        f"{described(reading)}",
    )


def _fail(module: nn.Module, args: Any) -> None:
    raise ArithmeticError("this layer fails")


def _fail_the_second_time() -> Callable[[nn.Module, Any], None]:
    calls = count()

    def hook(module: nn.Module, args: Any) -> None:
        if next(calls):
            _fail(module, args)

    return hook


FAILURES: dict[str, Callable[[Any], Any]] = {
    "forward": lambda layer: layer.register_forward_pre_hook(_fail),
    "second forward": lambda layer: layer.register_forward_pre_hook(_fail_the_second_time()),
    "backward": lambda layer: layer.register_forward_hook(fixtures.no_way_back),
}


@image_effects.promise_of_each(FAILURES)
def everything_is_left_as_found_after_a_failure_inside(
    case: IndicatorCase, break_layer: Callable[[Any], Any]
) -> None:
    """A layer that raises ({}) gives the status error, and everything stays as found."""
    net, batches = case.network(), case.batches()
    fixtures.wear(net, batches[0][0])
    *_, last = net.get_submodule("cells").children()
    break_layer(last)
    before = state(net)
    reading = read(Measurement(net, batches), case.item)[case.item.id]
    require(
        reading.status == "ok"
        or (reading.status == "error" and "ArithmeticError" in reading.reason),
        "a layer raises ArithmeticError('this layer fails') or has no way back, and the outcome is "
        f"{described(reading)}; do not catch what you cannot judge",
    )
    changed = differences(before, state(net))
    require(
        not changed,
        f"after a failure inside the network it has changed {', '.join(changed)}; {REMEDY}",
    )


HOOKS = [name for name in vars(nn.Module()) if "hook" in name]
GLOBAL_HOOKS = [name for name, value in vars(torch_module).items() if isinstance(value, dict)]


def state(net: nn.Module) -> dict[str, Any]:
    """Copy what a measurement must leave as found, of the network and the process, by name."""
    # numpy's global state is what is asked
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "the network's modules": [id(module) for module in net.modules()],
        "attributes of modules": [sorted(vars(module)) for module in net.modules()],
        "parameters": [(name, id(p), p.detach().clone()) for name, p in net.named_parameters()],
        "gradients (.grad)": [
            (id(p.grad), None if p.grad is None else p.grad.clone()) for p in net.parameters()
        ],
        "requires_grad flags": [p.requires_grad for p in net.parameters()],
        "buffers (running statistics)": [
            (name, id(b), b.clone()) for name, b in net.named_buffers()
        ],
        "training flags": [module.training for module in net.modules()],
        "hooks": _hooks(net),
        "torch's global random state": torch.get_rng_state(),
        "numpy's global random state": [
            *(of_numpy[name] for name in ("bit_generator", "has_gauss", "gauss")),
            of_numpy["state"]["pos"],
            of_numpy["state"]["key"].tobytes(),
        ],
        "Python's global random state": random.getstate(),
        "gradient and inference mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "torch's default type, threads and determinism": (
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
        ),
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Name the parts of two states that are not the same bits and objects."""
    return [part for part, value in before.items() if not equal(value, after[part])]


def equal(before: Any, after: Any) -> bool:
    """Return whether two states are the same; NaN equals NaN."""
    if isinstance(before, Tensor):
        return isinstance(after, Tensor) and _bits(before).equal(_bits(after))
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(
            equal(a, b) for a, b in zip(before, after, strict=True)
        )
    return bool(before == after)


def _bits(values: Tensor) -> Tensor:
    return values.contiguous().flatten().view(torch.uint8)


def _hooks(net: nn.Module) -> list[dict[Any, Any]]:
    of_modules = [
        dict(getattr(module, name))
        for module in net.modules()
        for name in HOOKS
        if isinstance(getattr(module, name), dict)
    ]
    return of_modules + [dict(getattr(torch_module, name)) for name in GLOBAL_HOOKS]
