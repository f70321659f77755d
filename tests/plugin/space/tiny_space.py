"""A search space in one file: networks, data set, training cost, truth and supernet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import (
    Architecture,
    Benchmark,
    Dataset,
    Network,
    NetworkSize,
    ProductSpace,
    Provenance,
    Target,
    TrainingCost,
    register_benchmark,
    register_space,
)
from untrained.spaces.framework.supernet import EdgeWeights, MixedEdge, Supernet
from untrained.spaces.framework.supernet_layout import OperationMask, SupernetLayout

STRIPES = Dataset("stripes", "Grey stripes", 4, 8, mean=(128.0,), std=(64.0,))
LAYOUT = SupernetLayout.dense(
    "tiny",
    cells=("cell",),
    inputs=1,
    nodes=2,
    operations=("none", "skip", "conv"),
    inputs_per_node=None,
    least_cells=1,
)


class Nothing(nn.Module):
    """Zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return x * 0


def operation(name: str, channels: int) -> nn.Module:
    """Make the module of an edge."""
    if name == "none":
        return Nothing()
    if name == "skip":
        return nn.Identity()
    return nn.Sequential(
        nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
    )


class TinyNetwork(Network):
    """A stem, a cell of three edges, a classifier."""

    def __init__(self, edges: Sequence[nn.Module], size: NetworkSize) -> None:
        """Take the edges 0>1, 0>2, 1>2."""
        super().__init__()
        self.stem = nn.Conv2d(size.in_channels, size.channels, 3, padding=1)
        self.edges = nn.ModuleList(edges)
        self.last = nn.Sequential(nn.BatchNorm2d(size.channels), nn.ReLU())
        self.classifier = nn.Linear(size.channels, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """One map."""
        x = self.stem(x)
        return [self.edges[1](x) + self.edges[2](self.edges[0](x))]

    def features(self, x: Tensor) -> Tensor:
        """(batch, channels, H, W)."""
        return self.last(self.stages(x)[0])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes)."""
        return self.classifier(self.features(x).mean((2, 3)))


class Tiny(ProductSpace):
    """27 cells of three edges with three operations."""

    name = "tiny"
    title = "Tiny"
    reference = "an example"
    size = 27
    choices = (3, 3, 3)
    own_size = "channels=4, cells=1"
    datasets = (STRIPES,)
    supernet_layout = LAYOUT

    def operations(self, arch: str | Architecture) -> list[str]:
        """Read the operation of each edge."""
        edges = OperationMask.parse(LAYOUT, self._text_of(arch)).edges
        if any(len(edge) != 1 for edge in edges):
            raise MalformedInput(f"cannot read {arch!s}: an edge has several operations.")
        return [edge[0] for edge in edges]

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return tuple(map(LAYOUT.operations.index, self.operations(arch)))

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, LAYOUT.format([[LAYOUT.operations[i]] for i in chosen]))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        return TinyNetwork([operation(n, size.channels) for n in self.operations(arch)], size)

    def supernet(
        self, *, num_classes: int, channels: int, cells: int, in_channels: int = 3
    ) -> Supernet:
        """Put all operations on each edge."""
        size = self.network_size(
            num_classes=num_classes, channels=channels, cells=cells, in_channels=in_channels
        )
        return Supernet(TinyParts(size))

    def training_cost(self, benchmark: Benchmark, dataset: str) -> TrainingCost:
        """Model an epoch as one second and a further one for each convolution."""
        del benchmark, dataset
        return TrainingCost(
            "MODELLED by the tiny space",
            lambda arch, epochs: epochs * (1.0 + self.operations(arch).count("conv")),
        )


@dataclass(frozen=True)
class TinyParts:
    """What the supernet is made of."""

    size: NetworkSize
    layout: SupernetLayout = LAYOUT

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """Make the network whose edges sum the operations of a mask."""
        edges = []
        for number, left in enumerate(mask.edges):
            modules = {
                place: (name, operation(name, self.size.channels))
                for place, name in enumerate(LAYOUT.operations)
                if name in left
            }
            edges.append(MixedEdge(modules, Nothing(), number, weights))
        return TinyNetwork(edges, self.size)


class TinyTruth(Benchmark):
    """Accuracies by a rule: convolutions are good, `none` is bad."""

    name = "tiny-truth"
    space = "tiny"
    kind = "tabular"

    @property
    def provenance(self) -> Provenance:
        """Name the rule."""
        return Provenance("Tiny", "tabular", "tiny_space.py", "0" * 64)

    def missing(self) -> str | None:
        """Nothing is missing."""
        return None

    def targets(self) -> tuple[Target, ...]:
        """List one validation and one test accuracy."""
        metrics = ("test_accuracy", "valid_accuracy")
        return tuple(Target("stripes", metric, 3) for metric in metrics)

    def _values(self, target: Target) -> pd.Series[float]:
        values = {}
        for arch in SPACE:
            chosen = torch.tensor(SPACE._chosen(arch), dtype=torch.float64)
            values[arch.text] = 25.0 + float(chosen @ torch.tensor([5.0, 9.0, 7.0]).double())
        return pd.Series(values)


SPACE = register_space(Tiny())
register_benchmark(TinyTruth())
