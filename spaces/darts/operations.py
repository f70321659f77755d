"""The operations of the DARTS and NASNet families of cells.

All are ReLU-convolution-batch norm without bias, or a pooling without batch norm, or nothing;
each keeps the number of channels and, at stride 1, the resolution. At stride 2 a side of H pixels
becomes ceil(H / 2).
Reference: Liu et al., "DARTS", ICLR 2019, section 3.1; Zoph et al., "NASNet", CVPR 2018, section
3.1; Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019, appendix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

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
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )


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
            if _odd(x)
            else x[:, :, 1:, 1:]
        )
        out: Tensor = self.norm(torch.cat([self.first(x), self.second(shifted)], dim=1))
        return out


def _odd(x: Tensor) -> bool:
    return bool(x.shape[2] % 2 or x.shape[3] % 2)


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
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def _twice(channels: int, kernel: int, stride: int, dilation: int) -> nn.Sequential:
    """The same two times, the stride at the first."""
    first = _depthwise(channels, kernel, stride, dilation)
    return nn.Sequential(*first, *_depthwise(channels, kernel, 1, dilation))


def _conv(channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


def _two_sided(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """1 x k, then k x 1, without anything in between."""
    pad = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, kernel), (1, stride), (0, pad), bias=False),
        nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(channels),
    )


def _max_pool(channels: int, kernel: int, stride: int) -> nn.Module:
    return nn.MaxPool2d(kernel, stride, padding=kernel // 2)


def _avg_pool(channels: int, kernel: int, stride: int) -> nn.Module:
    return nn.AvgPool2d(kernel, stride, padding=kernel // 2, count_include_pad=False)


_KINDS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "sep_conv": partial(_twice, dilation=1),
    "dil_conv": partial(_depthwise, dilation=2),
    "dil_sep_conv": partial(_twice, dilation=2),
    "conv": _conv,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
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
