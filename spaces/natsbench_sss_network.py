"""The network of NATS-Bench's size space: the skeleton of NAS-Bench-201 with one fixed cell.

    stem (c1) -> N cells (c1) -> reduction (c2) -> N cells (c3) -> reduction (c4) -> N cells (c5)
         -> lastact (BN, ReLU) -> global average pooling -> classifier

The edges that leave a cell's input change the width; a skip connection that does is a 1x1
convolution with batch norm and without ReLU.
Reference: Dong et al., "NATS-Bench", TPAMI 2021, and the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from untrained.spaces.nasbench201 import EDGES, NASBench201
from untrained.spaces.nasbench201_network import Reduction, ReLUConvBN
from untrained.spaces.natsbench_sss import CELL
from untrained.spaces.network import Network


def _edge(operation: str, channels_in: int, channels_out: int) -> nn.Module:
    if operation == "nor_conv_3x3":
        return ReLUConvBN(channels_in, channels_out, 3)
    assert operation == "skip_connect"
    if channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
    )


class FixedCell(nn.Module):
    """Four nodes, six edges; `layers` holds the edges in the order of the notation."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        """Make the edges' modules."""
        super().__init__()
        self.layers = nn.ModuleList(
            _edge(operation, channels_out if source else channels_in, channels_out)
            for operation, (source, _) in zip(NASBench201().operations(CELL), EDGES, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H, W)."""
        edges = iter(self.layers)
        nodes = [x]
        for _ in range(3):
            # a list is evaluated whole before it is extended: the sources are the nodes so far
            inputs = [edge(source) for source, edge in zip(nodes, edges, strict=False)]
            nodes.append(sum(inputs[1:], start=inputs[0]))
        return nodes[3]


class NATSBenchSizeNetwork(Network):
    """The macro skeleton with the width of each layer."""

    def __init__(
        self, widths: Sequence[int], *, num_classes: int, cells: int, in_channels: int = 3
    ) -> None:
        """Build with the layers' default initialisation.

        Args:
            widths: c1 to c5.
            num_classes: number of logits.
            cells: N, cells a stage.
            in_channels: channels of the images.
        """
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])
        )
        self.cells = nn.ModuleList()
        for layer, (before, width) in enumerate(pairwise((widths[0], *widths))):
            if layer % 2:
                self.cells.append(Reduction(before, width))
            else:
                self.cells.append(FixedCell(before, width))
                self.cells.extend(FixedCell(width, width) for _ in range(cells - 1))
        self.lastact = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps: c1 at full, c3 at half, c5 at a quarter of the resolution."""
        maps: list[Tensor] = []
        x = self.stem(x)
        for block in self.cells:
            if isinstance(block, Reduction):
                maps.append(x)
            x = block(x)
        return [*maps, x]

    def features(self, x: Tensor) -> Tensor:
        """(batch, c5, H / 4, W / 4), after the last batch norm and ReLU."""
        out: Tensor = self.lastact(self.stages(x)[-1])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, in_channels, H, W); 4 divides H and W."""
        out: Tensor = self.classifier(self.global_pooling(self.features(x)).flatten(1))
        return out
