"""Golden networks and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from untrained.foundation import derive
from untrained.harness.execution.executors import isolated
from untrained.indicators import Measurement, Reading, indicators, read
from untrained.spaces import Network, spaces

NUM_CLASSES = 3
BATCH_SIZE = 4
NUM_BATCHES = 2
PIXELS = 8
CHANNELS = 3
THIN_BATCH_SIZE = 100
"""Pieces of three pixels, for counts of linear regions."""


@dataclass(frozen=True, slots=True)
class GoldenNetwork:
    """A network that golden scores are of."""

    name: str
    space: str
    architecture: str


GOLDEN_NETWORKS: tuple[GoldenNetwork, ...] = (
    GoldenNetwork(
        "every_operation",
        "nasbench201",
        "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    ),
    GoldenNetwork(
        "no_convolution",
        "nasbench201",
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|skip_connect~0|avg_pool_3x3~1|skip_connect~2|",
    ),
    GoldenNetwork(
        "dead_node",
        "nasbench201",
        "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|skip_connect~1|nor_conv_1x1~2|",
    ),
)
"""All operations; nothing but pooling; a convolution of zeros. One cell a stage, three channels."""


def golden_measurement(
    golden: GoldenNetwork,
    *,
    thin: bool = False,
    memory_format: torch.memory_format | None = None,
) -> Measurement:
    """A measurement of a golden network in float64 and training mode.

    Args:
        thin: of the space's thin network, which counts of linear regions are defined on.
        memory_format: of the inputs, instead of what the network declares.
    """
    if thin:
        network = spaces[golden.space].build_thin(golden.architecture, num_classes=NUM_CLASSES)
        shape, count = (THIN_BATCH_SIZE, 1, 3, 3), 1
    else:
        network = spaces[golden.space].build(
            golden.architecture, num_classes=NUM_CLASSES, channels=CHANNELS, cells=1
        )
        shape, count = (BATCH_SIZE, 3, PIXELS, PIXELS), NUM_BATCHES
    fixed(network, golden.name)
    if memory_format is not None:
        network.memory_format = memory_format
    return Measurement(network, list(golden_batches(shape, count)), seed=derive(0, golden.name))


def fixed(network: Network, name: str) -> None:
    """Give a network float64 weights that depend on its name and those of its parameters alone.

    Weights are uniform with variance 2 / fan-in. Gains and shifts of batch norms vary too, else an
    indicator that leaves them out would not be seen.
    """
    network.double()
    for key, parameter in network.named_parameters():
        draws = uniform(f"{name}/{key}", parameter.shape)
        if parameter.dim() > 1:
            draws *= (2 / parameter[0].numel()) ** 0.5
        elif key.endswith("weight"):
            draws = 1 + 0.1 * draws
        else:
            draws *= 0.1
        with torch.no_grad():
            parameter.copy_(draws)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()


def golden_batches(shape: Sequence[int], count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, and labels that go through the classes, of the second batch from the second on."""
    for number in range(count):
        inputs = uniform(f"inputs/{number}", shape)
        yield inputs, (torch.arange(shape[0]) + number) % NUM_CLASSES


def uniform(stream: str, shape: Sequence[int]) -> Tensor:
    """Float64 numbers of mean 0 and variance 1, uniform, of the stream that a name stands for."""
    words = np.random.PCG64(derive(0, "golden", stream)).random_raw(int(np.prod(shape)))
    draws = (words >> np.uint64(11)) * 2.0**-53
    return torch.from_numpy((draws - 0.5) * 12**0.5).reshape(tuple(shape))


COSTLY_PASSES = 40
"""Indicators that take more, those that train, are read on the first network alone."""


def golden_readings(
    names: Iterable[str], *, other_kernels: bool = False
) -> dict[tuple[str, str], Reading]:
    """What indicators give for every golden network.

    Args:
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
