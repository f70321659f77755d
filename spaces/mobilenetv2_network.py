"""The network of a MobileNetV2-like architecture.

    stem, half resolution -> 7 stages of inverted residuals -> conv 1x1-BN-ReLU
         -> global average pooling -> classifier

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from torch import Tensor, nn

from untrained.spaces.inverted_residual import InvertedResidual, conv_bn
from untrained.spaces.mobilenetv2 import STRIDES, Description
from untrained.spaces.network import Network


class MobileNetV2Network(Network):
    """Seven stages; its ReLUs are not capped at 6, as in the searches over this space."""

    def __init__(self, description: Description, *, num_classes: int, in_channels: int = 3) -> None:
        """Build with the layers' default initialisation.

        Args:
            description: widths and depths as they are to be built.
            num_classes: number of logits.
            in_channels: channels of the images.
        """
        super().__init__()
        width = description.stem
        self.stem = nn.Sequential(*conv_bn(in_channels, width, 3, stride=2), nn.ReLU())
        self.cells = nn.ModuleList()
        ends: list[int] = []
        for stage, stride in zip(description.stages, STRIDES, strict=True):
            if stride > 1:
                ends.append(len(self.cells))
            for block in range(stage.depth):
                self.cells.append(
                    InvertedResidual(
                        width,
                        stage.width,
                        expansion=stage.expansion,
                        kernel=stage.kernel,
                        stride=1 if block else stride,
                    )
                )
                width = stage.width
        self.ends = (*ends, len(self.cells))
        self.head = nn.Sequential(*conv_bn(width, description.head), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(description.head, num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Five maps, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution; no ReLU after a block."""
        x = self.stem(x)
        maps = []
        for place, cell in enumerate(self.cells, start=1):
            x = cell(x)
            if place in self.ends:
                maps.append(x)
        return maps

    def features(self, x: Tensor) -> Tensor:
        """(batch, width of the head, H / 32, W / 32), after the last convolution's ReLU."""
        out: Tensor = self.head(self.stages(x)[-1])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W)."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
