"""Reading indicators off a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported, UntrainedError
from untrained.indicators.framework.devices import is_lack_of_float64, is_out_of_memory
from untrained.indicators.framework.indicator import Indicator, Status, indicators
from untrained.indicators.framework.measurement import Batch, Measurement

NAN = float("nan")


class Diverged(UntrainedError):
    """The network's numbers are not finite, so this score does not exist."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of one indicator on one measurement."""

    value: float
    """The score; NaN unless the status is `ok`."""
    status: Status
    reason: str = ""
    alone_s: float = NAN
    """Seconds this indicator would have cost by itself: its own time and that of every quantity
    it used, also of those that an earlier indicator had paid for."""
    peak_bytes: int | None = None
    """Peak of the accelerator's memory over the same work, besides network and batches; None on a
    CPU."""


def read(measurement: Measurement, ids: Sequence[str]) -> dict[str, Reading]:
    """Read indicators off an open measurement, in the order given: a reading for each id.

    No failure of one indicator reaches another: `unsupported`, `diverged`, `out_of_memory` and
    `error` are outcomes with a reason. Only what must stop a run is raised.

    Raises:
        UnknownName: an id is not registered (before anything is computed).
    """
    return read_items(measurement, [indicators[name] for name in ids])


def read_items(measurement: Measurement, items: Sequence[Indicator]) -> dict[str, Reading]:
    """Read indicators that need not be registered; see `read`."""
    return {item.id: _read_guarded(measurement, item) for item in items}


def _read_guarded(measurement: Measurement, item: Indicator) -> Reading:
    if measurement.spoilt:
        what = ", ".join(measurement.spoilt)
        reason = f"not measured: an indicator before it changed {what}, which cannot be put back"
        return Reading(NAN, "error", reason)
    shares_memory = measurement.holds_results
    reading = _read_one(measurement, item)
    if reading.status == "out_of_memory" and shares_memory and not measurement.spoilt:
        # whether an indicator fits must not depend on what was read before it
        measurement.forget()
        reading = _read_one(measurement, item)
    if measurement.spoilt:
        what = ", ".join(measurement.spoilt)
        return Reading(NAN, "error", f"it changes {what}, which cannot be put back")
    return reading


def _read_one(measurement: Measurement, item: Indicator) -> Reading:
    with measurement.left_as_found(), measurement.metered() as cost:
        value, status, reason = _judge(measurement, item)
    return Reading(value if status == "ok" else NAN, status, reason, cost.total_s, cost.peak_bytes)


def _judge(measurement: Measurement, item: Indicator) -> tuple[float, Status, str]:
    try:
        found = item(measurement)
        if isinstance(found, str | bytes | bytearray):  # which float would read
            raise TypeError(f"the score is a text, {found[:20]!r}, and no number")
        value = float(found)
    except TimeoutError:
        raise  # the runner's time limit is for the whole task
    except Exception as error:
        return NAN, *_failure(error)
    status = item.status_of(value)
    return value, status, "" if status == "ok" else f"the score is {value}"


def _failure(error: Exception) -> tuple[Status, str]:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, Unsupported):
        return "unsupported", text
    if text.startswith("derivative for ") and text.endswith(" is not implemented"):
        return "unsupported", f"torch has no gradient of an operation of the network: {text}"
    if isinstance(error, Diverged):
        return "diverged", text
    if is_lack_of_float64(error):
        return "unsupported", f"the device has no float64, which the indicator needs: {text}"
    if is_out_of_memory(error):
        return "out_of_memory", text
    return "error", f"{type(error).__name__}: {text}"


def measure(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor | None,
    ids: Sequence[str],
    *,
    second_batch: Batch | None = None,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Score a network, also one that this project did not build.

    Network, hooks, gradients, buffers and the global random state are left as found; the inputs
    follow the network's device and floating-point type. Batch normalisation uses batch statistics,
    as the indicators' definitions ask, whatever mode the network is in.

    Args:
        network: maps a batch (B, C, H, W) to logits (B, classes).
        labels: class indices (B,), or None where no indicator needs them.
        ids: registered indicator ids (`untrained list indicators`).
        second_batch: further (inputs, labels) for the indicators that compare two batches.
        generator: where indicators that draw random numbers take their seed from; it is advanced
            by one draw. None: a fixed seed.

    Returns:
        A score for each id; NaN where the network's numbers are not finite.

    Raises:
        MalformedInput: an argument is something else than described.
        UnknownName: an id is not registered.
        Unsupported: an indicator needs something that the network or batch lacks.
        MemoryError: there is not enough memory.
        UntrainedError: an indicator failed for another reason, which the message gives.
    """
    if isinstance(ids, str):
        raise MalformedInput(
            f"cannot read `ids` {ids!r}: they are one text. A list of indicators is needed, "
            f"[{ids!r}]"
        )
    seed = 0
    if generator is not None:
        draw = torch.randint(2**62, (), generator=generator, device=generator.device)
        seed = int(draw.item())
    batches = [(inputs, labels)] + ([second_batch] if second_batch else [])
    with Measurement(network, batches, seed=seed) as measurement:
        readings = read(measurement, ids)
    return {name: value_of(name, reading) for name, reading in readings.items()}


def value_of(name: str, reading: Reading) -> float:
    """Return the score of a reading; errors are those of `measure`."""
    if reading.status == "unsupported":
        raise Unsupported(f"{name}: {reading.reason}")
    if reading.status == "out_of_memory":
        raise MemoryError(f"{name}: {reading.reason}")
    if reading.status == "error":
        raise UntrainedError(f"{name}: {reading.reason}")
    return reading.value
