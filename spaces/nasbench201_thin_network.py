"""The thin network of a NAS-Bench-201 cell, on which TE-NAS counts linear regions.

    cell (C channels, of the images) -> lastact (BN, ReLU) -> global average pooling -> classifier

Module names are those of `NASBench201Network`.
Reference: Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours" (TE-NAS), ICLR
2021, and its authors' code, which has one channel.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from untrained.spaces.nasbench201_network import Cell
from untrained.spaces.network import Network


class NASBench201ThinNetwork(Network):
    """One cell without a stem, and what follows the last cell of the whole network."""

    def __init__(self, operations: Sequence[str], *, num_classes: int, channels: int) -> None:
        """Build with the layers' default initialisation.

        Args:
            operations: of the six edges, in the order of the notation.
            num_classes: number of logits.
            channels: of the images and of the cell.
        """
        super().__init__()
        self.cells = nn.ModuleList([Cell(operations, channels)])
        self.lastact = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """One map, the cell's output: nothing reduces."""
        return [self.cells[0](x)]

    def features(self, x: Tensor) -> Tensor:
        """(batch, channels, H, W), after the last batch norm and ReLU."""
        out: Tensor = self.lastact(self.stages(x)[-1])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, channels, H, W) of any size."""
        pooled = self.global_pooling(self.features(x)).flatten(1)
        out: Tensor = self.classifier(pooled)
        return out
