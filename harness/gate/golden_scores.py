"""Scores of the golden networks, measured now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from untrained.harness.gate.golden_networks import (
    BATCH_SIZE,
    GOLDEN_NETWORKS,
    NUM_BATCHES,
    NUM_CLASSES,
    GoldenNetwork,
    golden_measurement,
)
from untrained.harness.isolation import isolated
from untrained.indicators import Reading, indicators, read

COSTLY_PASSES = 40
"""Indicators that take more, those that train, are read on the first network alone."""


def golden_readings(
    names: Iterable[str], *, other_kernels: bool = False
) -> dict[tuple[str, str], Reading]:
    """What indicators give for every golden network.

    Args:
        names: registered ids.
        other_kernels: compute with torch's plain convolutions in the other memory layout, as
            another machine might: values then differ by what rounding does to them.

    Returns:
        By indicator and name of the network, sorted; what is `unsupported` there is left out.
    """
    wanted = sorted(set(names))
    layout = torch.contiguous_format if other_kernels else None
    with isolated(), _plain_kernels() if other_kernels else nullcontext():
        found = {
            (name, golden.name): reading
            for golden in GOLDEN_NETWORKS
            for name, reading in _readings(
                golden, [n for n in wanted if _read_on(golden, n)], layout
            )
        }
    return {key: found[key] for key in sorted(found) if found[key].status != "unsupported"}


def _read_on(golden: GoldenNetwork, name: str) -> bool:
    passes = indicators[name].cost.number(
        batch_size=BATCH_SIZE, num_classes=NUM_CLASSES, num_batches=NUM_BATCHES
    )
    return golden == GOLDEN_NETWORKS[0] or sum(passes) <= COSTLY_PASSES


@contextmanager
def _plain_kernels() -> Iterator[None]:
    mkldnn: Any = torch.backends.mkldnn
    before = mkldnn.enabled
    mkldnn.enabled = False  # not by `flags`, which warns about GPUs that are not there
    try:
        yield
    finally:
        mkldnn.enabled = before


def _readings(
    golden: GoldenNetwork, names: list[str], layout: torch.memory_format | None
) -> Iterator[tuple[str, Reading]]:
    for thin in (False, True):
        chosen = [n for n in names if (indicators[n].protocol.skeleton == "thin") == thin]
        if chosen:
            with golden_measurement(golden, thin=thin, memory_format=layout) as measurement:
                yield from read(measurement, chosen).items()
