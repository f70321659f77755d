"""Operations, cells and networks of a genotype, whole and thin.

All operations are ReLU-convolution-batch norm without bias, or a pooling without batch norm, or
nothing; each keeps the number of channels and, at stride 1, the resolution. At stride 2 a side of H
pixels becomes ceil(H / 2).
Reference: Liu et al., "DARTS", ICLR 2019, section 3.1; Zoph et al., "NASNet", CVPR 2018, section
3.1; Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019, appendix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import NetworkSize
from untrained.spaces.darts.genotype import CellGenotype, Genotype
from untrained.spaces.framework.network import PooledNetwork, conv_bn

DARTS_OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""The operations that a DARTS cell is chosen from, in the order of the paper's list."""


class ReLUConvBN(nn.Sequential):
    """ReLU, 1 x 1 convolution without bias, batch norm: what a cell does to its two inputs."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        """Any two numbers of channels."""
        super().__init__(nn.ReLU(), *conv_bn(channels_in, channels_out))


class FactorizedReduce(nn.Module):
    """Half the resolution by two 1 x 1 convolutions of stride 2, the second one pixel further."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        """An even number of output channels."""
        super().__init__()
        self.relu = nn.ReLU()
        half = channels_out // 2
        self.first = nn.Conv2d(channels_in, half, 1, stride=2, bias=False)
        self.second = nn.Conv2d(channels_in, half, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, ceil(H / 2), ceil(W / 2))."""
        x = self.relu(x)
        # an odd side has no pixel after the last: a zero stands for it, so that the halves match
        shifted = (
            nn.functional.pad(x, (-1, x.shape[3] % 2, -1, x.shape[2] % 2))
            if x.shape[2] % 2 or x.shape[3] % 2
            else x[:, :, 1:, 1:]
        )
        out: Tensor = self.norm(torch.cat([self.first(x), self.second(shifted)], dim=1))
        return out


class Zero(nn.Module):
    """The operation `none`: zeros, connected to its input."""

    def __init__(self, stride: int) -> None:
        """Stride 1 or 2."""
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape that another operation of this stride would give."""
        return x[:, :, :: self.stride, :: self.stride] * 0


def _depthwise(channels: int, kernel: int, stride: int, dilation: int) -> nn.Sequential:
    """ReLU, depthwise and pointwise convolution, batch norm."""
    pad = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, pad, dilation, groups=channels, bias=False),
        *conv_bn(channels, channels),
    )


def _twice(channels: int, kernel: int, stride: int, dilation: int) -> nn.Sequential:
    """The same two times, the stride at the first."""
    first = _depthwise(channels, kernel, stride, dilation)
    return nn.Sequential(*first, *_depthwise(channels, kernel, 1, dilation))


def _two_sided(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """1 x k, then k x 1, without anything in between."""
    pad = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, kernel), (1, stride), (0, pad), bias=False),
        nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(channels),
    )


_KINDS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "sep_conv": partial(_twice, dilation=1),
    "dil_conv": partial(_depthwise, dilation=2),
    "dil_sep_conv": partial(_twice, dilation=2),
    "conv": lambda c, kernel, stride: nn.Sequential(
        nn.ReLU(), *conv_bn(c, c, kernel, stride=stride)
    ),
    "max_pool": lambda _, kernel, stride: nn.MaxPool2d(kernel, stride, padding=kernel // 2),
    "avg_pool": lambda _, kernel, stride: nn.AvgPool2d(
        kernel, stride, padding=kernel // 2, count_include_pad=False
    ),
}
"""By what stands before the kernel's size: from channels, kernel and stride."""


def make_operation(name: str, channels: int, stride: int) -> nn.Module:
    """The module of an operation.

    `sep_conv` is applied twice, the stride at the first time; `dil_conv` once with dilation 2;
    `dil_sep_conv` twice with dilation 2; `skip_connect` at stride 2 is a factorised reduction.
    Average pooling does not count its padding.

    Args:
        name: such as `sep_conv_3x3`.
        channels: of input and output; even if a skip connection has stride 2.
        stride: 1 or 2.

    Raises:
        ValueError: no such operation.
    """
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    if (sides := re.fullmatch(r"conv_(\d)x1_1x\1", name)) is not None:
        return _two_sided(channels, int(sides[1]), stride)
    matched = re.fullmatch(r"(\w+)_(\d)x\2", name)
    if matched is None or matched[1] not in _KINDS:
        raise ValueError(f"no operation {name!r}")
    return _KINDS[matched[1]](channels, int(matched[2]), stride)


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


class CellNetwork(PooledNetwork):
    """The macro skeleton around the two cells of a genotype."""

    def __init__(self, genotype: Genotype, size: NetworkSize) -> None:
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
            self.stem = nn.Sequential(*conv_bn(in_channels, width, 3))
            self.second_stem: nn.Module | None = None
        else:
            width = channels
            self.stem = nn.Sequential(
                *conv_bn(in_channels, channels // 2, 3, stride=2),
                nn.ReLU(),
                *conv_bn(channels // 2, channels, 3, stride=2),
            )
            self.second_stem = nn.Sequential(nn.ReLU(), *conv_bn(channels, channels, 3, stride=2))
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


class CellThinNetwork(PooledNetwork):
    """One cell of each kind without a stem, batch norm and ReLU."""

    behind = "lastact"

    def __init__(self, genotype: Genotype, size: NetworkSize) -> None:
        """Build with the layers' default initialisation; the images have the channels of a node."""
        super().__init__()
        channels = size.channels
        self.stem = self._make_stem(size)
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

    def _make_stem(self, size: NetworkSize) -> nn.Module | None:
        return None

    def stages(self, x: Tensor) -> list[Tensor]:
        """Two maps: what the normal cell gives, and the reduction cell at half the resolution."""
        first = x if self.stem is None else self.stem(x)
        normal = self.cells[0](first, first)
        return [normal, self.cells[1](first, normal)]


class CellPairNetwork(CellThinNetwork):
    """The thin network behind a stem as wide as a node of its first cell.

    TE-NAS takes the condition number of the kernel on it (prune_tenas.py: depth 2, stem multiplier
    1, affine; search_model_darts_nasnet.py: batch norm and ReLU before the pooling).
    """

    def _make_stem(self, size: NetworkSize) -> nn.Module:
        return nn.Sequential(*conv_bn(size.in_channels, size.channels, 3))
