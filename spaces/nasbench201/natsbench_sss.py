"""The size search space of NATS-Bench: space, networks, table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, Network, NetworkSize, ProductSpace, register_space
from untrained.spaces.framework.network import WRITTEN_CHANNELS, conv_bn
from untrained.spaces.nasbench201.network import FourNodes, ReducedNetwork, Reduction, ReLUConvBN
from untrained.spaces.nasbench201.notations import EDGES
from untrained.spaces.nasbench201.space import NASBench201


def _edge(operation: str, channels_in: int, channels_out: int) -> nn.Module:
    if operation == "nor_conv_3x3":
        return ReLUConvBN(channels_in, channels_out, 3)
    assert operation == "skip_connect"
    if channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(*conv_bn(channels_in, channels_out))


class FixedCell(FourNodes):
    """Four nodes, six edges; `layers` holds the edges in the order of the notation."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        """Make the edges' modules."""
        super().__init__()
        self.layers = nn.ModuleList(
            _edge(operation, channels_out if source else channels_in, channels_out)
            for operation, (source, _) in zip(NASBench201().operations(CELL), EDGES, strict=True)
        )

    def edge_modules(self) -> Sequence[nn.Module]:
        """The six edges."""
        return list(self.layers)


class NATSBenchSizeNetwork(ReducedNetwork):
    """The macro skeleton with the width of each layer; the stages have c1, c3 and c5."""

    def __init__(self, widths: Sequence[int], size: NetworkSize) -> None:
        """Build the widths c1 to c5 with the layers' default initialisation."""
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(size.in_channels, widths[0], 3))
        self.cells = nn.ModuleList()
        for layer, (before, width) in enumerate(pairwise((widths[0], *widths))):
            if layer % 2:
                self.cells.append(Reduction(before, width))
            else:
                self.cells.append(FixedCell(before, width))
                self.cells.extend(FixedCell(width, width) for _ in range(size.cells - 1))
        self.lastact = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], size.num_classes)


WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
"""What a layer can be."""
NUM_LAYERS = 5
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
"""The cell, in the notation of the topology space."""
_BY_TEXT = {str(width): width for width in WIDTHS}


class NATSBenchSize(ProductSpace):
    """All 32,768 sizes."""

    name = "natsbench_sss"
    title = "NATS-Bench size"
    reference = "Dong et al. (NATS-Bench), TPAMI 2021"
    size = len(WIDTHS) ** NUM_LAYERS
    own_size = "channels=16, which leaves the widths as written, cells=1, in_channels=3"
    choices = (len(WIDTHS),) * NUM_LAYERS

    def widths(self, arch: str | Architecture) -> tuple[int, ...]:
        """The width of each layer.

        Raises:
            MalformedInput: the text is not five widths of the space.
        """
        text = self._text_of(arch)
        parts = "".join(text.split()).split(":")
        if len(parts) != NUM_LAYERS:
            raise _malformed(text, f"it has {len(parts)} layers instead of {NUM_LAYERS}")
        for layer, part in enumerate(parts, start=1):
            if part not in _BY_TEXT:
                raise _malformed(text, f"the width of layer {layer} is {part!r}")
        return tuple(_BY_TEXT[part] for part in parts)

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return tuple(map(WIDTHS.index, self.widths(arch)))

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, ":".join(str(WIDTHS[i]) for i in chosen))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels scale all widths by channels / 16, rounded down, at least to 1.

        Of several cells a stage those after the first keep its width.
        """
        return NATSBenchSizeNetwork(self._scaled(arch, size), size)

    def _num_parameters(self, arch: str | Architecture, size: NetworkSize) -> int:
        """Count trainable parameters in closed form.

        A k x k block from a to b channels has k^2 ab + 2b. A cell has five 3 x 3 blocks, two of
        which leave its input, and a 1 x 1 if it changes the width; a reduction has two 3 x 3 blocks
        and a bare 1 x 1 convolution.
        """
        widths = self._scaled(arch, size)
        total = 9 * size.in_channels * widths[0] + 2 * widths[0]
        for layer, (a, b) in enumerate(pairwise((widths[0], *widths))):
            if layer % 2:
                total += 9 * a * b + 9 * b * b + 4 * b + a * b
            else:
                total += 2 * (9 * a * b + 2 * b) + 3 * (9 * b * b + 2 * b)
                total += (a * b + 2 * b) * (a != b)
                total += (size.cells - 1) * 5 * (9 * b * b + 2 * b)
        return total + 2 * widths[-1] + (widths[-1] + 1) * size.num_classes

    def _scaled(self, arch: str | Architecture, size: NetworkSize) -> tuple[int, ...]:
        return tuple(max(1, w * size.channels // WRITTEN_CHANNELS) for w in self.widths(arch))


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a NATS-Bench size architecture: {reason} (write {NUM_LAYERS} widths "
        f"joined by ':', such as 8:16:64:32:48, each one of {', '.join(map(str, WIDTHS))})"
    )


register_space(NATSBenchSize())
