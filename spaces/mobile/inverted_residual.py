"""The inverted residual block: wide inside, narrow between blocks.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from torch import Tensor, nn


def conv_bn(
    channels_in: int, channels_out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution that keeps the resolution but for its stride, and its batch norm."""
    return [
        nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            stride,
            padding=kernel // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(channels_out),
    ]


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; with a shortcut where the shape is kept."""

    def __init__(
        self, channels_in: int, channels_out: int, *, expansion: int, kernel: int, stride: int
    ) -> None:
        """The first two convolutions end in a ReLU, the projection does not.

        An expansion of 1 is none: the block begins with the depthwise convolution.
        """
        hidden = expansion * channels_in
        super().__init__()
        expand = [] if expansion == 1 else [*conv_bn(channels_in, hidden), nn.ReLU()]
        self.layers = nn.Sequential(
            *expand,
            *conv_bn(hidden, hidden, kernel, stride=stride, groups=hidden),
            nn.ReLU(),
            *conv_bn(hidden, channels_out),
        )
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        out: Tensor = self.layers(x)
        return out + x if self.shortcut else out
