"""Residual networks without fixed widths: stages of basic or bottleneck blocks, with groups.

    stem -> stage 1 -> ... -> stage n -> global average pooling -> classifier

A block is x + F(x), then ReLU; F is conv 3x3-BN-ReLU-conv 3x3-BN, or 1x1-BN-ReLU-3x3 (groups)-BN-
ReLU-1x1-BN. The first block of a stage has the stage's stride. Where the shape changes, x goes
through a 1x1 convolution and batch norm.
Reference: Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019,
section 3; Xie et al., "ResNeXt", CVPR 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from untrained.spaces.framework.network import Network, NetworkSize


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    depth: int
    """Blocks."""
    width: int
    """Channels that a block gives."""
    stride: int
    """Of the first block."""
    bottleneck: int = 0
    """Channels of the 3x3 convolution of a bottleneck block; 0: basic blocks."""
    groups: int = 1
    """Of that convolution."""


class Residual(nn.Module):
    """x + F(x), without the ReLU that follows."""

    def __init__(self, stage: Stage, channels_in: int, stride: int) -> None:
        """Make the convolutions of a block."""
        super().__init__()
        out = stage.width
        if stage.bottleneck:
            inner = stage.bottleneck
            self.f = nn.Sequential(
                *_conv_bn(channels_in, inner, 1),
                nn.ReLU(),
                *_conv_bn(inner, inner, 3, stride, stage.groups),
                nn.ReLU(),
                *_conv_bn(inner, out, 1),
            )
        else:
            self.f = nn.Sequential(
                *_conv_bn(channels_in, out, 3, stride), nn.ReLU(), *_conv_bn(out, out, 3)
            )
        changes = channels_in != out or stride != 1
        self.projection = nn.Sequential(*(_conv_bn(channels_in, out, 1, stride) if changes else ()))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, width, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.projection(x) + self.f(x)
        return out


def _conv_bn(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(
        channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    return conv, nn.BatchNorm2d(channels_out)


class ResidualNetwork(Network):
    """The stages around their blocks."""

    def __init__(
        self,
        stages: Sequence[Stage],
        size: NetworkSize,
    ) -> None:
        """Build and initialise.

        Convolutions are drawn from N(0, 2 / (k^2 C_out)), the classifier from N(0, 0.01^2) with a
        zero bias, as in the published code of the benchmark.

        Args:
            size: its channels are those of the stem, `cifar`: conv 3x3-BN-ReLU, or `imagenet`:
                conv 7x7/2-BN-ReLU-max pooling 3x3/2.
        """
        super().__init__()
        stem_width = size.channels
        if size.stem == "cifar":
            self.stem = nn.Sequential(*_conv_bn(size.in_channels, stem_width, 3), nn.ReLU())
        else:
            self.stem = nn.Sequential(
                *_conv_bn(size.in_channels, stem_width, 7, 2),
                nn.ReLU(),
                nn.MaxPool2d(3, 2, padding=1),
            )
        self.shapes = tuple(stages)
        self.blocks = nn.ModuleList()
        self.relus = nn.ModuleList()
        before = stem_width
        for stage in stages:
            for block in range(stage.depth):
                stride = 1 if block else stage.stride
                self.blocks.append(Residual(stage, before, stride))
                self.relus.append(nn.ReLU())
                before = stage.width
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, size.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each stage that reduces, and the last, all before their block's ReLU."""
        return self._run(x)[0]

    def features(self, x: Tensor) -> Tensor:
        """(batch, last width, H', W'), what the last block's ReLU gives."""
        return self._run(x)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W) of any size."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out

    def _run(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The stages' maps, and what the last ReLU gives."""
        x = self.stem(x)
        maps: list[Tensor] = []
        before_relu = x
        pairs = zip(self.blocks, self.relus, strict=True)
        for stage in self.shapes:
            if stage.stride > 1:
                maps.append(before_relu)
            for _ in range(stage.depth):
                block, relu = next(pairs)
                before_relu = block(x)
                x = relu(before_relu)
        return [*maps, before_relu], x
