"""Networks stacked of the cells of a genotype, whole and thin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces.darts.genotype import CellGenotype, Genotype
from untrained.spaces.darts.operations import FactorizedReduce, ReLUConvBN, make_operation
from untrained.spaces.framework.network import Network, NetworkSize

STEM_MULTIPLIER = 3
"""The CIFAR stem is so many times as wide as the first cells' nodes."""


def reduction_layers(cells: int) -> frozenset[int]:
    """Which of so many cells halve the resolution; one of them does if there is only one."""
    return frozenset((cells // 3, 2 * cells // 3))


class Cell(nn.Module):
    """One cell; `edges` holds the operations, two a node."""

    def __init__(
        self,
        genotype: CellGenotype,
        channels_before_last: int,
        channels_last: int,
        channels: int,
        *,
        reduction: bool,
        reduction_before: bool,
    ) -> None:
        """Make the modules.

        Args:
            channels_before_last: of input 0.
            channels_last: of input 1.
            reduction: whether edges from the inputs have stride 2.
            reduction_before: whether input 0 has twice the resolution of input 1.
        """
        super().__init__()
        self.genotype = genotype
        self.channels = channels
        self.reduction = reduction
        first = FactorizedReduce if reduction_before else ReLUConvBN
        self.preprocess0 = first(channels_before_last, channels)
        self.preprocess1 = ReLUConvBN(channels_last, channels)
        self.edges = nn.ModuleList(
            make_operation(name, channels, 2 if reduction and source < 2 else 1)
            for node in genotype.nodes
            for name, source in node
        )

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """(batch, channels x concatenated nodes, H / stride, W / stride)."""
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        edges = iter(self.edges)
        for (_, a), (_, b) in self.genotype.nodes:
            states.append(next(edges)(states[a]) + next(edges)(states[b]))
        return torch.cat([states[n] for n in self.genotype.concat], dim=1)


class CellNetwork(Network):
    """The macro skeleton around the two cells of a genotype."""

    def __init__(
        self,
        genotype: Genotype,
        size: NetworkSize,
    ) -> None:
        """Build with the layers' default initialisation, as the published code does.

        Args:
            size: its channels, C, are those of a node of the first cells; the stem `cifar` keeps
                the resolution, `imagenet` divides it by eight.

        Raises:
            MalformedInput: an odd number of channels for the ImageNet stem.
        """
        super().__init__()
        channels, cells, in_channels = size.channels, size.cells, size.in_channels
        if size.stem == "imagenet" and channels % 2:
            raise MalformedInput(
                f"cannot build a network with channels={channels!r} and the ImageNet stem: its "
                "first layer has half the channels. Give an even number."
            )
        if size.stem == "cifar":
            width = STEM_MULTIPLIER * channels
            self.stem = nn.Sequential(_conv(in_channels, width, 1), nn.BatchNorm2d(width))
            self.second_stem: nn.Module | None = None
        else:
            width = channels
            self.stem = nn.Sequential(
                _conv(in_channels, channels // 2, 2),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(),
                _conv(channels // 2, channels, 2),
                nn.BatchNorm2d(channels),
            )
            self.second_stem = nn.Sequential(
                nn.ReLU(), _conv(channels, channels, 2), nn.BatchNorm2d(channels)
            )
        self.reductions = reduction_layers(cells)
        self.cells = nn.ModuleList()
        before_last, last = width, width
        reduction_before = size.stem == "imagenet"
        for layer in range(cells):
            reduction = layer in self.reductions
            channels *= 2 if reduction else 1
            cell = Cell(
                genotype.reduction if reduction else genotype.normal,
                before_last,
                last,
                channels,
                reduction=reduction,
                reduction_before=reduction_before,
            )
            self.cells.append(cell)
            before_last, last = last, channels * len(cell.genotype.concat)
            reduction_before = reduction
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """What the two reduction cells read last, and what the last cell gives."""
        before_last = self.stem(x)
        last = before_last if self.second_stem is None else self.second_stem(before_last)
        maps: list[Tensor] = []
        for layer, cell in enumerate(self.cells):
            if layer in self.reductions:
                maps.append(last)
            before_last, last = last, cell(before_last, last)
        return [*maps, last]

    def features(self, x: Tensor) -> Tensor:
        """What the last cell gives: there is neither batch norm nor ReLU before the pooling."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W) of any size."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out


def _conv(channels_in: int, channels_out: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)


class CellThinNetwork(Network):
    """One cell of each kind without a stem."""

    def __init__(self, genotype: Genotype, size: NetworkSize) -> None:
        """Build with the layers' default initialisation.

        Args:
            size: its channels are those of the images and of a node of the normal cell.
        """
        super().__init__()
        channels = size.channels
        between = channels * len(genotype.normal.concat)
        last = 2 * channels * len(genotype.reduction.concat)
        self.cells = nn.ModuleList(
            (
                Cell(
                    genotype.normal,
                    channels,
                    channels,
                    channels,
                    reduction=False,
                    reduction_before=False,
                ),
                Cell(
                    genotype.reduction,
                    channels,
                    between,
                    2 * channels,
                    reduction=True,
                    reduction_before=False,
                ),
            )
        )
        self.lastact = nn.Sequential(nn.BatchNorm2d(last), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Two maps: what the normal cell gives, and the reduction cell at half the resolution."""
        normal = self.cells[0](x, x)
        return [normal, self.cells[1](x, normal)]

    def features(self, x: Tensor) -> Tensor:
        """(batch, channels of the reduction cell, H / 2, W / 2), after the batch norm and ReLU."""
        out: Tensor = self.lastact(self.stages(x)[-1])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, channels, H, W) of any size."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
