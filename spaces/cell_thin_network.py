"""The thin network of a genotype, on which TE-NAS counts linear regions.

    normal cell (C, of the images) -> reduction cell (2C) -> lastact (BN, ReLU)
         -> global average pooling -> classifier

Both inputs of the first cell are the images; the last batch norm and ReLU are TE-NAS's, the whole
network of a genotype has none there.
Reference: Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours" (TE-NAS), ICLR
2021, and its authors' code, which has one channel and counts on cells that hold all operations,
weighted; here a cell holds those of the genotype.
"""

from __future__ import annotations

from torch import Tensor, nn

from untrained.spaces.cell_genotype import Genotype
from untrained.spaces.cell_network import Cell
from untrained.spaces.network import Network


class CellThinNetwork(Network):
    """One cell of each kind without a stem."""

    def __init__(self, genotype: Genotype, *, num_classes: int, channels: int) -> None:
        """Build with the layers' default initialisation.

        Args:
            genotype: both cells.
            num_classes: number of logits.
            channels: of the images and of a node of the normal cell.
        """
        super().__init__()
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
        self.classifier = nn.Linear(last, num_classes)

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
