"""Any network, any indicators, one call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported, UntrainedError
from untrained.indicators.measurement import Batch, Measurement
from untrained.indicators.reading import Reading, read


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
        inputs: the batch.
        labels: class indices (B,), or None where no indicator needs them.
        ids: registered indicator ids (`untrained list indicators`).
        second_batch: further (inputs, labels) for the indicators that compare two batches.
        generator: where indicators that draw random numbers take their seed from; it is advanced
            by one draw. None: a fixed seed.

    Returns:
        A score for each id; NaN where the network's numbers are not finite.

    Raises:
        UnknownName: an id is not registered.
        Unsupported: an indicator needs something that the network or batch lacks.
        MemoryError: there is not enough memory.
        UntrainedError: an indicator failed for another reason, which the message gives.
    """
    seed = 0
    if generator is not None:
        draw = torch.randint(2**62, (), generator=generator, device=generator.device)
        seed = int(draw.item())
    batches = [(inputs, labels)] + ([second_batch] if second_batch else [])
    with Measurement(network, batches, seed=seed) as measurement:
        readings = read(measurement, ids)
    return {name: _value(name, reading) for name, reading in readings.items()}


def _value(name: str, reading: Reading) -> float:
    if reading.status == "unsupported":
        raise Unsupported(f"{name}: {reading.reason}")
    if reading.status == "out_of_memory":
        raise MemoryError(f"{name}: {reading.reason}")
    if reading.status == "error":
        raise UntrainedError(f"{name}: {reading.reason}")
    return reading.value
