"""Scoring one network within a time limit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from untrained.foundation import Unsupported, derive
from untrained.harness.data.inputs import Batch, batches_on, forget_batches
from untrained.harness.execution.executors import DeviceLost
from untrained.harness.execution.watchdog import TimeLimitReached, time_limit
from untrained.harness.study.plan import ScoreTask, Wanted
from untrained.indicators import Measurement, Protocol, Reading, indicators, read
from untrained.indicators.framework.devices import is_lost, is_out_of_memory, move, warm_up
from untrained.indicators.framework.guard import NETWORK
from untrained.indicators.framework.indicator import Status
from untrained.indicators.framework.measurement import plain_defaults
from untrained.results import Score
from untrained.spaces import Network, initialise, spaces


def score_task(task: ScoreTask) -> list[Score]:
    """All scores of a task.

    Each network configuration is built once and measured once on each of its batches. The values
    depend on (space, architecture, seed, protocol) alone: not on what else is wanted, on the
    process or on what was scored before.

    Returns:
        One score for each wanted indicator, protocol and member. What goes wrong is a status.
    """
    return [
        score for wanted, reading in _readings(task) for score in task.scores_of(wanted, reading)
    ]


def _readings(task: ScoreTask) -> Iterator[tuple[Wanted, Reading]]:
    left = deque(_same_network(task.wanted))
    while left:
        same_network = left.popleft()
        try:
            warm_up(task.device)
            with time_limit(task.timeout_s, f"building {task.architecture}", whole=True):
                network = network_of(task, same_network[0].protocol)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reading = _failure("the network could not be built", error, task.timeout_s)
            _check_device(task, reading)
            yield from ((wanted, reading) for wanted in same_network)
            continue
        same_batch: dict[Protocol, list[Wanted]] = {}
        for wanted in same_network:
            protocol = _with_labels(wanted.protocol, (w.protocol for w in same_network))
            same_batch.setdefault(protocol, []).append(wanted)
        try:
            for protocol, together in same_batch.items():
                for wanted, reading in _measure(task, network, protocol, together):
                    same_network.remove(wanted)
                    yield wanted, reading
        except _Spoilt:
            forget_batches()
            if same_network:  # the others get a network of their own
                left.appendleft(same_network)


class _Spoilt(Exception):
    """An indicator has changed the network or its batches, and they cannot be put back."""


def _same_network(wanted: Iterable[Wanted]) -> list[list[Wanted]]:
    """Group the wanted scores by the configuration of their network."""
    groups: dict[Hashable, list[Wanted]] = {}
    for item in wanted:
        p = item.protocol
        size = (p.num_classes, p.channels, p.cells, p.in_channels)
        key = (*size, p.initialisation, p.dtype, p.skeleton)
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _with_labels(protocol: Protocol, others: Iterable[Protocol]) -> Protocol:
    """The protocol, or one among the others that differs in having labels where it needs none.

    Both then read one measurement: an indicator without labels is not disturbed by them.
    """
    if protocol.labels != "none":
        return protocol
    same = (p for p in others if p.labels != "none" and p.replace(labels="none") == protocol)
    return min(same, key=lambda p: p.labels, default=protocol)


def build_network(
    space_name: str, architecture: str, protocol: Protocol, *, seed: int, device: str
) -> Network:
    """A network with the weights that it has in every run of this seed.

    Raises:
        UserError: the space has no such architecture or network.
        Unsupported: it has none with this skeleton.
    """
    space = spaces[space_name]
    drawn_from = derive(seed, "init", space_name, architecture)
    # the layers' constructors draw from the global generator: seeded here, restored afterwards
    with plain_defaults(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(drawn_from)
        if protocol.skeleton == "thin":
            network = space.build_thin(
                architecture, num_classes=protocol.num_classes, channels=protocol.channels
            )
        else:
            network = space.build(
                architecture,
                num_classes=protocol.num_classes,
                channels=protocol.channels,
                cells=protocol.cells,
                in_channels=protocol.in_channels,
            )
        generator = torch.Generator().manual_seed(drawn_from)
        initialise(network, protocol.initialisation, generator=generator)
    move(network, device, torch.float64 if protocol.dtype == "float64" else torch.float32)
    return network


def network_of(task: ScoreTask, protocol: Protocol) -> Network:
    """The network of a task under one of its protocols; errors as in `build_network`."""
    return build_network(
        task.space, task.architecture, protocol, seed=task.seed, device=task.device
    )


def measurement_of(
    task: ScoreTask, network: Network, protocol: Protocol, batches: Sequence[Batch]
) -> Measurement:
    """The measurement of a task's network on batches of a protocol."""
    return Measurement(
        network,
        batches,
        seed=derive(task.seed, "measure", task.space, task.architecture),
        data_seed=protocol.data_seed,
        batch_norm=protocol.batch_norm,
        options=dict(protocol.options),
    )


def _measure(
    task: ScoreTask, network: Network, protocol: Protocol, wanted: list[Wanted]
) -> Iterator[tuple[Wanted, Reading]]:
    """One measurement, from which the indicators are read one by one."""
    done = 0
    try:
        batches = batches_on(protocol, task.device)
        with measurement_of(task, network, protocol, batches) as measurement:
            for item in wanted:
                try:
                    with time_limit(task.timeout_s, f"{item.indicator} of {task.architecture}"):
                        reading = read(measurement, [item.indicator])[item.indicator]
                        if task.split and reading.status == "out_of_memory":
                            reading = _in_parts(measurement, item.indicator, reading)
                except (TimeLimitReached, TimeoutError) as limit:
                    reading = _failure("", limit, task.timeout_s)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # SystemExit, groups: of the indicator alone
                    reading = _failure("the indicator raised", error, task.timeout_s)
                _check_device(task, reading)
                yield item, reading
                done += 1
                if NETWORK.issuperset(measurement.spoilt) and measurement.spoilt:
                    raise _Spoilt
    except (_Spoilt, DeviceLost):
        raise
    except Exception as error:
        reading = _failure("the network could not be measured", error, task.timeout_s)
        _check_device(task, reading)
        yield from ((item, reading) for item in wanted[done:])


def _in_parts(measurement: Measurement, name: str, reading: Reading) -> Reading:
    """Read an indicator that ran out of memory with its batch in 2, 4, ... parts."""
    if not indicators[name].splits:
        return replace(
            reading, reason=f"{reading.reason}; its score is not the same in parts of the batch"
        )
    try:
        while reading.status == "out_of_memory" and measurement.parts < len(measurement.inputs):
            measurement.parts *= 2
            measurement.forget()
            reading = read(measurement, [name])[name]
        if reading.status != "ok":
            return reading
        what = f"measured in {measurement.parts} parts of the batch, for want of memory"
        return replace(reading, reason=what)
    finally:
        measurement.parts = 1
        measurement.forget()


def _check_device(task: ScoreTask, reading: Reading) -> None:
    """Raise `DeviceLost` if an error is one of the device, which it stays in."""
    if reading.status in ("error", "out_of_memory") and is_lost(task.device):
        raise DeviceLost(
            f"cannot go on measuring on {task.device}: it fails whatever it is asked for since "
            f"{task.architecture} of {task.space} was measured ({reading.reason}). Run the same "
            "command again: finished scores are kept. If the fault comes back at once, the GPU or "
            "its driver is at fault."
        )


def _failure(what: str, error: BaseException, timeout_s: float | None) -> Reading:
    if isinstance(error, TimeLimitReached):
        return Reading(math.nan, "timeout", f"not done after {timeout_s:g} s")
    if isinstance(error, TimeoutError):  # of the indicator's own
        return Reading(math.nan, "timeout", str(error))
    if isinstance(error, Unsupported):
        return Reading(math.nan, "unsupported", str(error))
    status: Status = "out_of_memory" if is_out_of_memory(error) else "error"
    return Reading(math.nan, status, f"{what}: {type(error).__name__}: {error}")
