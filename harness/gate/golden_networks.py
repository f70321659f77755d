"""Small fixed networks and batches, the same bits whatever versions are installed.

Weights and inputs come from raw 64-bit words of PCG64, whose stream numpy guarantees, and not from
torch's generator; so a change of a golden score is a change of an indicator or of what it calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from untrained.foundation import derive
from untrained.indicators import Measurement
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
        golden: which.
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
