"""Networks of TransNAS-Bench-101."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from untrained.spaces.framework.network import Network, NetworkSize
from untrained.spaces.nasbench201.network import ReLUConvBN

MakeBlock = Callable[[int, int, int], nn.Module]
"""A block from (channels in, channels out, stride)."""


class BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions; the shortcut is projected where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Both convolutions begin with a ReLU, the projection has none."""
        super().__init__()
        self.conv_a = ReLUConvBN(channels_in, channels_out, 3, stride)
        self.conv_b = ReLUConvBN(channels_out, channels_out, 3)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        out: Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return out


class Zero(nn.Module):
    """The operation `none`, of the shape that the others have, and connected to its input."""

    def __init__(self, channels_out: int, stride: int) -> None:
        """Keep the shape of the output."""
        super().__init__()
        self.channels_out = channels_out
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros (batch, channels_out, H / stride, W / stride)."""
        thinned = x[:, :1, :: self.stride, :: self.stride] * 0
        return thinned.expand(-1, self.channels_out, -1, -1)


class FactorizedReduction(nn.Module):
    """The skip connection that changes the shape: two 1x1 convolutions on shifted grids."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """An even number of channels out."""
        super().__init__()
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels_in, channels_out // 2, 1, stride, bias=False) for _ in range(2)
        )
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: Tensor = self.bn(torch.cat([self.convs[0](x), self.convs[1](shifted)], dim=1))
        return out


def _edge(operation: int, channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if operation == 0:
        return Zero(channels_out, stride)
    if operation == 1:
        if stride == 1 and channels_in == channels_out:
            return nn.Identity()
        return FactorizedReduction(channels_in, channels_out, stride)
    return ReLUConvBN(channels_in, channels_out, {2: 1, 3: 3}[operation], stride)


class Cell(nn.Module):
    """Four nodes, six edges; those that leave the input change the shape."""

    def __init__(
        self, operations: Sequence[int], channels_in: int, channels_out: int, stride: int
    ) -> None:
        """Make the edges' modules from their digits, in the order 01, 02, 12, 03, 13, 23."""
        super().__init__()
        sources = (0, 0, 1, 0, 1, 2)
        self.edges = nn.ModuleList(
            _edge(operation, channels_in, channels_out, stride)
            if source == 0
            else _edge(operation, channels_out, channels_out, 1)
            for operation, source in zip(operations, sources, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        edges = iter(self.edges)
        nodes = [x]
        for _ in range(3):
            # a list is evaluated whole before it is extended: the sources are the nodes so far
            inputs = [edge(source) for source, edge in zip(nodes, edges, strict=False)]
            nodes.append(sum(inputs[1:], start=inputs[0]))
        return nodes[3]


class TransNASBench101Network(Network):
    """Stem, modules and classifier."""

    def __init__(
        self,
        modules: Sequence[int],
        block: MakeBlock,
        size: NetworkSize,
    ) -> None:
        """Build and initialise.

        Convolutions are drawn as the benchmark does, from N(0, 2 / (k^2 C_out)) (Kaiming, fan-out);
        the classifier keeps its layer's default.
        """
        super().__init__()
        channels, cells = size.channels, size.cells
        self.stem = nn.Sequential(
            nn.Conv2d(size.in_channels, channels // 2, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(channels // 2),
            ReLUConvBN(channels // 2, channels, 3, 2),
        )
        self.cells = nn.ModuleList()
        strides: list[int] = []
        width = channels
        for digit in modules:
            before, width = width, width if digit % 2 else 2 * width
            strides += [2 if digit > 2 else 1] + [1] * (cells - 1)
            self.cells.append(block(before, width, strides[-cells]))
            self.cells.extend(block(width, width, 1) for _ in range(cells - 1))
        self.strides = tuple(strides)
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, size.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each module that halves the resolution, and the last.

        The first may be the stem's, at a quarter of the resolution; none ends in an activation.
        """
        maps: list[Tensor] = []
        x = self.stem(x)
        for cell, stride in zip(self.cells, self.strides, strict=True):
            if stride > 1:
                maps.append(x)
            x = cell(x)
        return [*maps, x]

    def features(self, x: Tensor) -> Tensor:
        """The last module's map; it is pooled without a further activation."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W)."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
