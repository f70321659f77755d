"""Networks of NAS-Bench-201, whole and thin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from torch import Tensor, nn

from untrained.spaces.framework.network import NetworkSize, PooledNetwork


class ReLUConvBN(nn.Module):
    """ReLU, convolution without bias, batch norm.

    Each edge has a ReLU module of its own, as the benchmark's code has. Edges that leave the same
    node are handed the same tensor object, which is how a measurement can tell that their ReLUs
    see the same values.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        """Padding keeps the size at stride 1 and halves an even one at stride 2."""
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        out: Tensor = self.op(x)
        return out


class Zero(nn.Module):
    """The operation `none`: x * 0, so that the shape is exact and the graph stays connected."""

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape of x."""
        return x * 0


_OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: Zero(),
    "skip_connect": lambda channels: nn.Identity(),
    "nor_conv_1x1": lambda channels: ReLUConvBN(channels, channels, 1),
    "nor_conv_3x3": lambda channels: ReLUConvBN(channels, channels, 3),
    "avg_pool_3x3": lambda channels: nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),
}


def make_operation(name: str, channels: int) -> nn.Module:
    """The module of an operation that keeps so many channels."""
    return _OPERATIONS[name](channels)


def four_nodes(edges: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Run a cell: each of three nodes is the sum of an edge from the input and every earlier node.

    Args:
        edges: six, by target and then by source, as in the notation.
    """
    left = iter(edges)
    nodes = [x]
    for _ in range(3):
        # a list is evaluated whole before it is extended: the sources are the nodes so far
        inputs = [edge(source) for source, edge in zip(nodes, left, strict=False)]
        nodes.append(sum(inputs[1:], start=inputs[0]))
    return nodes[3]


class Cell(nn.Module):
    """Four nodes, six edges; `layers` holds the edges in the order of the notation."""

    def __init__(self, operations: Sequence[str], channels: int) -> None:
        """Make the edges' modules from their operations' names."""
        super().__init__()
        self.channels = channels
        self.layers = nn.ModuleList(make_operation(name, channels) for name in operations)

    def forward(self, x: Tensor) -> Tensor:
        """The output node, of the shape of x."""
        return four_nodes(self.layers, x)


class Reduction(nn.Module):
    """Residual block that halves the resolution and doubles the channels."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        """Two 3x3 convolutions, and a shortcut of average pooling and a 1x1 convolution."""
        super().__init__()
        self.conv_a = ReLUConvBN(channels_in, channels_out, 3, stride=2)
        self.conv_b = ReLUConvBN(channels_out, channels_out, 3)
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / 2, W / 2); H and W even."""
        out: Tensor = self.conv_b(self.conv_a(x)) + self.downsample(x)
        return out


class NASBench201Network(PooledNetwork):
    """The macro skeleton around one cell."""

    def __init__(self, operations: Sequence[str], size: NetworkSize) -> None:
        """Build with the layers' default initialisation.

        Args:
            operations: of the six edges, in the order of the notation.
            size: its channels, C, are the width of the first of three stages.
        """
        super().__init__()
        channels = size.channels
        self.stem = nn.Sequential(
            nn.Conv2d(size.in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.cells = nn.ModuleList()
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                self.cells.append(Reduction(width // 2, width))
            self.cells.extend(Cell(operations, width) for _ in range(size.cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * channels, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps: C at full, 2C at half, 4C at a quarter of the resolution."""
        maps: list[Tensor] = []
        x = self.stem(x)
        for block in self.cells:
            if isinstance(block, Reduction):
                maps.append(x)
            x = block(x)
        return [*maps, x]

    def features(self, x: Tensor) -> Tensor:
        """(batch, 4C, H / 4, W / 4), after the last batch norm and ReLU."""
        out: Tensor = self.lastact(self.stages(x)[-1])
        return out


class NASBench201ThinNetwork(PooledNetwork):
    """One cell without a stem, and what follows the last cell of the whole network."""

    def __init__(self, operations: Sequence[str], size: NetworkSize) -> None:
        """Build with the layers' default initialisation.

        Args:
            operations: of the six edges, in the order of the notation.
            size: only its channels and num_classes count.
        """
        super().__init__()
        self.cells = nn.ModuleList([Cell(operations, size.channels)])
        self.lastact = nn.Sequential(nn.BatchNorm2d(size.channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(size.channels, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """One map, the cell's output: nothing reduces."""
        return [self.cells[0](x)]

    def features(self, x: Tensor) -> Tensor:
        """(batch, channels, H, W), after the last batch norm and ReLU."""
        out: Tensor = self.lastact(self.stages(x)[-1])
        return out
