"""NAS-Bench-Macro: space, networks, table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, Network, NetworkSize, ProductSpace, register_space
from untrained.spaces.framework.network import PooledNetwork, conv_bn, maps_behind
from untrained.spaces.mobile.mobilenetv2 import InvertedResidual

HEAD_PER_CHANNEL = 40
"""Width of the last convolution by that of the stem: 1,280 for the benchmark's 32."""


def _block(block: int, channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if block == 1:
        return InvertedResidual(channels_in, channels_out, expansion=3, kernel=3, stride=stride)
    if block == 2:
        return InvertedResidual(channels_in, channels_out, expansion=6, kernel=5, stride=stride)
    return nn.Sequential(*conv_bn(channels_in, channels_out, stride=stride))


class NASBenchMacroNetwork(PooledNetwork):
    """Eight layers in three stages."""

    behind = "head"

    def __init__(self, layers: Sequence[int], size: NetworkSize) -> None:
        """Build with the layers' default initialisation, as the authors' code does."""
        super().__init__()
        channels = size.channels
        self.stem = nn.Sequential(*conv_bn(size.in_channels, channels, 3), nn.ReLU())
        # identities that keep the shape are left out: networks of one function are one network
        self.cells = nn.ModuleList()
        ends: list[int] = []
        left = iter(layers)
        width = channels
        for length in STAGES:
            self.cells.append(_block(next(left), width, 2 * width, stride=2))
            width *= 2
            live = [block for block in islice(left, length - 1) if block]
            self.cells.extend(_block(block, width, width, stride=1) for block in live)
            ends.append(len(self.cells))
        self.ends = tuple(ends)
        self.head = nn.Sequential(*conv_bn(width, HEAD_PER_CHANNEL * channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(HEAD_PER_CHANNEL * channels, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Four maps: C at full, 2C at half, 4C at a quarter, 8C at an eighth of the resolution.

        The first is the stem's, after its ReLU; layers end without one.
        """
        x = self.stem(x)
        return [x, *maps_behind(self.cells, x, self.ends)]


BLOCKS = ("identity", "MBConv expansion 3 kernel 3", "MBConv expansion 6 kernel 5")
"""The blocks in the order of their digits."""
STAGES = (2, 3, 3)
"""Layers of each stage."""
NUM_LAYERS = sum(STAGES)


class NASBenchMacro(ProductSpace):
    """All 6,561 networks of NAS-Bench-Macro, of which 3,969 differ."""

    name = "nasbenchmacro"
    title = "NAS-Bench-Macro"
    reference = "Su et al. (MCT-NAS), CVPR 2021"
    size = len(BLOCKS) ** NUM_LAYERS
    own_size = "channels=32, in_channels=3; cells has no effect"
    choices = (len(BLOCKS),) * NUM_LAYERS

    def layers(self, arch: str | Architecture) -> tuple[int, ...]:
        """The place in `BLOCKS` of each layer's block.

        Raises:
            MalformedInput: the text is not eight digits from 0 to 2.
        """
        text = self._text_of(arch)
        digits = "".join(text.split())
        if len(digits) != NUM_LAYERS:
            raise _malformed(text, f"it has {len(digits)} layers instead of {NUM_LAYERS}")
        for layer, digit in enumerate(digits, start=1):
            if digit not in ("0", "1", "2"):
                raise _malformed(text, f"the block of layer {layer} is {digit!r}")
        return tuple(map(int, digits))

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return self.layers(arch)

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, "".join(map(str, chosen)))

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The first architecture, in iteration order, with the same layers that do something.

        An identity that does not reduce does nothing, so only the order of the other blocks of a
        stage counts: 3,969 classes. The benchmark trained one network of each.
        """
        here = self.layers(arch)
        moved: list[int] = []
        for length in STAGES:
            first, *rest = here[len(moved) : len(moved) + length]
            moved += [first, *sorted(rest, key=bool)]
        return self._combine(tuple(moved))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; the stages have twice, four and eight times the channels of the stem."""
        return NASBenchMacroNetwork(self.layers(arch), size)


def _malformed(text: str, reason: str) -> MalformedInput:
    blocks = ", ".join(f"{digit} {name}" for digit, name in enumerate(BLOCKS))
    return MalformedInput(
        f"{text!r} is not a NAS-Bench-Macro architecture: {reason} "
        f"(write {NUM_LAYERS} digits, one a layer: {blocks})"
    )


register_space(NASBenchMacro())
