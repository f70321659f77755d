"""That an indicator of images leaves the network, the batches and the process as found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from untrained.harness.contract import specimens
from untrained.harness.contract.indicator_case import IndicatorCase, described
from untrained.harness.contract.promise import Suite, require
from untrained.harness.contract.state import differences, equal, state
from untrained.indicators import Measurement, Reading, read_items

side_effects: Suite[IndicatorCase] = Suite()

REMEDY = (
    "work on a copy (copy.deepcopy(m.network)), remove hooks in a finally clause, draw random "
    "numbers from m.generator(purpose)"
)


def _read(case: IndicatorCase, net: nn.Module, batches: specimens.Batches) -> Reading:
    with Measurement(net, batches) as measurement:
        return read_items(measurement, [case.item])[case.item.id]


@side_effects.promise
def everything_is_left_as_found(case: IndicatorCase) -> None:
    """Network, gradients, buffers, hooks, training mode, batches and randomness stay as found."""
    net, batches = specimens.worn(), specimens.batches()
    before, original = state(net), specimens.batches()
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
    calls: list[int] = []

    def hook(module: nn.Module, args: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            _fail(module, args)

    return hook


FAILURES: dict[str, Callable[[Any], Any]] = {
    "forward": lambda layer: layer.register_forward_pre_hook(_fail),
    "second forward": lambda layer: layer.register_forward_pre_hook(_fail_the_second_time()),
    "backward": lambda layer: layer.register_forward_hook(specimens.no_way_back),
}


@side_effects.promise_of_each(FAILURES)
def everything_is_left_as_found_after_a_failure_inside(
    case: IndicatorCase, break_layer: Callable[[Any], Any]
) -> None:
    """A layer that raises ({}) gives the status error, and everything stays as found."""
    net = specimens.worn()
    *_, last = net.get_submodule("cells").children()
    break_layer(last)
    before = state(net)
    reading = _read(case, net, specimens.batches())
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
