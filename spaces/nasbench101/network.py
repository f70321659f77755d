"""The network of a NAS-Bench-101 cell.

    stem -> N cells (C) -> max pooling -> N cells (2C) -> max pooling -> N cells (4C)
         -> global average pooling -> classifier

A cell begins every path with a 1x1 projection of its input and concatenates its end. Every
convolution is conv-BN-ReLU without bias, so cells end in a ReLU unless they end in a max pooling;
the input of a vertex is the sum of its sources, cut to its own width.
Reference: Ying et al., "NAS-Bench-101", ICML 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from untrained.spaces.framework.network import Network, NetworkSize
from untrained.spaces.nasbench101.cell import Cell, vertex_channels


class ConvBNReLU(nn.Sequential):
    """Convolution without bias that keeps the size, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        """An odd kernel."""
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )


def _operation(operation: int, channels: int) -> nn.Module:
    if operation == 2:
        return nn.MaxPool2d(3, 1, padding=1)
    return ConvBNReLU(channels, channels, (3, 1)[operation])


class CellModule(nn.Module):
    """One cell; `projections` are named by the vertex they lead to."""

    def __init__(self, cell: Cell, channels_in: int, channels_out: int) -> None:
        """Make the modules of the vertices and of the edges that leave the input."""
        super().__init__()
        self.cell = cell
        self.widths = (channels_in, *vertex_channels(cell, channels_out), channels_out)
        self.projections = nn.ModuleDict(
            {
                str(target): ConvBNReLU(channels_in, self.widths[target], 1)
                for source, target in sorted(cell.edges)
                if source == 0
            }
        )
        self.operations = nn.ModuleList(
            _operation(operation, self.widths[vertex])
            for vertex, operation in enumerate(cell.operations, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H, W)."""
        vertices = [x]
        for vertex, operation in enumerate(self.operations, start=1):
            inputs = [v[:, : self.widths[vertex]] for v in self._sources(vertices, vertex)]
            inputs += self._projected(x, vertex)
            vertices.append(operation(sum(inputs[1:], start=inputs[0])))
        joined = self._sources(vertices, self.cell.output)
        outputs = [torch.cat(joined, dim=1)] if joined else []
        outputs += self._projected(x, self.cell.output)
        return sum(outputs[1:], start=outputs[0])

    def _sources(self, vertices: list[Tensor], target: int) -> list[Tensor]:
        """The inner vertices that lead to one."""
        return [v for s, v in enumerate(vertices) if s > 0 and (s, target) in self.cell.edges]

    def _projected(self, x: Tensor, target: int) -> list[Tensor]:
        """The input's projection to a vertex, if there is an edge."""
        return [self.projections[str(target)](x)] if (0, target) in self.cell.edges else []


class NASBench101Network(Network):
    """The macro skeleton around one cell."""

    def __init__(self, cell: Cell, size: NetworkSize) -> None:
        """Build and initialise.

        Convolutions are drawn from N(0, 2 / (k^2 C_out)), the classifier from N(0, 0.01^2) with a
        zero bias: the initialisation of the PyTorch networks that published scores of this
        benchmark were measured on (Mellor et al. 2021; Li et al. 2021). The benchmark's own
        training started from a truncated normal of variance 1 / (k^2 C_in).

        Args:
            cell: pruned, its vertices in the order that divides channels.
            size: its channels, C, are the width of the stem and of the first of three stacks.
        """
        super().__init__()
        self.stem = ConvBNReLU(size.in_channels, size.channels, 3)
        self.cells = nn.ModuleList()
        self.cells_per_stack = size.cells
        before = size.channels
        for stack in range(3):
            width = size.channels * 2**stack
            for _ in range(size.cells):
                self.cells.append(CellModule(cell, before, width))
                before = width
        self.downsample = nn.MaxPool2d(2)
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, size.num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps: C at full, 2C at half, 4C at a quarter of the resolution.

        They are what a stack ends with; there is no activation between them and what follows.
        """
        maps: list[Tensor] = []
        x = self.stem(x)
        for place, cell in enumerate(self.cells):
            if place and place % self.cells_per_stack == 0:
                maps.append(x)
                x = self.downsample(x)
            x = cell(x)
        return [*maps, x]

    def features(self, x: Tensor) -> Tensor:
        """(batch, 4C, H / 4, W / 4), what the last stack ends with."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W); 4 divides H and W."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
