"""Checks of an indicator's declaration and side effects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn

from untrained.foundation import UserError
from untrained.harness.contract import specimens
from untrained.harness.contract.laboratory import IndicatorCase, described
from untrained.harness.contract.promise import Suite, require
from untrained.harness.contract.state import differences, equal, state
from untrained.harness.data.datasets import find_dataset
from untrained.indicators import (
    Family,
    Indicator,
    Measurement,
    Need,
    Passes,
    Protocol,
    Reading,
    indicators,
    read_items,
)
from untrained.spaces import find_initialisation

declarations: Suite[IndicatorCase] = Suite(declarative=True)


@declarations.promise
def it_says_what_it_is(case: IndicatorCase) -> None:
    """It has a name, a title, a one-line formula, a dated reference and a docstring."""
    item = case.item
    require(isinstance(item, Indicator), f"{item!r} is no Indicator: decorate it with @indicator")
    require(
        re.fullmatch(r"[a-z][a-z0-9_]*", item.id) is not None,
        f"its id is {item.id!r}; an id is lower case, digits and underscores, letter first",
    )
    require(bool(item.title.strip()), "its title is empty; tables print it")
    require(bool(item.formula.strip()), "its formula is empty; give the definition in one line")
    require("\n" not in item.formula, "its formula has a line break; give one line of text")
    require(
        item.reference == "trivial baseline" or bool(re.search(r"(19|20)\d\d", item.reference)),
        f"its reference {item.reference!r} names no year; give authors, venue and year (for what "
        "is not published, the author, 'unpublished' and the year)",
    )
    require(bool(item.function.__doc__), "its function has no docstring; say what the score is")


@declarations.promise
def it_declares_direction_needs_cost_and_version(case: IndicatorCase) -> None:
    """It declares which direction is better, what it needs, its passes and its version."""
    item = case.item
    require(
        isinstance(item.higher_is_better, bool),
        f"higher_is_better is {item.higher_is_better!r}; it is True or False",
    )
    require(
        isinstance(item.needs, frozenset) and all(isinstance(need, Need) for need in item.needs),
        f"needs is {item.needs!r}; it is a set of Need members, as in needs={{Need.RELU}}",
    )
    require(isinstance(item.cost, Passes), "its cost is no number of passes")
    require(isinstance(item.family, Family), f"family is {item.family!r}; it is a Family member")
    require(
        isinstance(item.version, int) and item.version >= 1,
        f"its version is {item.version!r}; versions count from 1",
    )
    for name in ("uses_accuracy", "class_invariant", "follows_initialisation"):
        value = getattr(item, name)
        require(isinstance(value, bool), f"{name} is {value!r}; it is True or False")


@declarations.promise
def its_title_is_its_own(case: IndicatorCase) -> None:
    """No other registered indicator has its title."""
    others = [
        name
        for name, other in indicators.items()
        if name != case.item.id and other.title == case.item.title
    ]
    require(not others, f"its title {case.item.title!r} is that of {', '.join(others)} too")


@declarations.promise
def its_reference_protocol_offers_what_it_needs(case: IndicatorCase) -> None:
    """Its reference protocol has labels exactly if it needs them, and a second batch if needed."""
    protocol = case.item.protocol
    require(isinstance(protocol, Protocol), f"its protocol is {protocol!r}, which is no Protocol")
    wants, has = case.needs(Need.LABELS), protocol.labels != "none"
    require(
        wants == has,
        f"it {'needs' if wants else 'does not declare Need.LABELS, so it needs no'} labels and "
        f"its protocol says labels={protocol.labels!r}; make the two agree",
    )
    require(
        not case.needs(Need.SECOND_BATCH) or protocol.num_batches >= 2,
        f"it needs a second batch and its protocol has num_batches={protocol.num_batches}",
    )
    require(
        protocol.inputs != "none" or not case.needs(Need.LABELS, Need.SECOND_BATCH),
        "its protocol says that it looks at no batch (inputs='none'), but it needs labels or a "
        "second batch",
    )
    require(
        protocol.data_seed == 0 and protocol.sample_ids == (),
        "its protocol fixes data_seed or sample_ids, which a run fills in; leave them out",
    )


@declarations.promise
def its_reference_protocol_can_be_run(case: IndicatorCase) -> None:
    """Its reference protocol names a data set and an initialisation that exist."""
    protocol = case.item.protocol
    try:
        find_dataset(protocol.dataset)
        find_initialisation(protocol.initialisation)
    except UserError as error:
        require(False, f"its protocol cannot be run: {error}")


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
