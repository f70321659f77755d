"""The network of a NAS-Bench-Macro architecture, for CIFAR-10.

    stem (C) -> 2 layers (2C) -> 3 layers (4C) -> 3 layers (8C) -> conv-BN-ReLU (40C)
         -> global average pooling -> classifier

The first layer of a stage halves the resolution. Reference: Su et al., "Prioritized Architecture
Sampling with Monte-Carlo Tree Search", CVPR 2021, and the authors' training code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from torch import Tensor, nn

from untrained.spaces.inverted_residual import InvertedResidual, conv_bn
from untrained.spaces.nasbenchmacro import STAGES
from untrained.spaces.network import Network

HEAD_PER_CHANNEL = 40
"""Width of the last convolution by that of the stem: 1,280 for the benchmark's 32."""


def _block(block: int, channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if block == 1:
        return InvertedResidual(channels_in, channels_out, expansion=3, kernel=3, stride=stride)
    if block == 2:
        return InvertedResidual(channels_in, channels_out, expansion=6, kernel=5, stride=stride)
    return nn.Sequential(*conv_bn(channels_in, channels_out, stride=stride))


class NASBenchMacroNetwork(Network):
    """Eight layers in three stages."""

    def __init__(
        self, layers: Sequence[int], *, num_classes: int, channels: int, in_channels: int = 3
    ) -> None:
        """Build with the layers' default initialisation, as the authors' code does.

        Args:
            layers: the digit of each layer.
            num_classes: number of logits.
            channels: C, the width of the stem.
            in_channels: channels of the images.
        """
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(in_channels, channels, 3), nn.ReLU())
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
        self.classifier = nn.Linear(HEAD_PER_CHANNEL * channels, num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Four maps: C at full, 2C at half, 4C at a quarter, 8C at an eighth of the resolution.

        The first is the stem's, after its ReLU; layers end without one.
        """
        x = self.stem(x)
        maps = [x]
        for place, cell in enumerate(self.cells, start=1):
            x = cell(x)
            if place in self.ends:
                maps.append(x)
        return maps

    def features(self, x: Tensor) -> Tensor:
        """(batch, 40C, H / 8, W / 8), after the last convolution, batch norm and ReLU."""
        out: Tensor = self.head(self.stages(x)[-1])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W)."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
