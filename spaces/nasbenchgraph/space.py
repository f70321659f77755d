"""The search space NAS-Bench-Graph and its networks.

    [linear] -> four operations, each after batch norm and ReLU -> ReLU of the outputs side by side
             -> [linear] -> linear

The features themselves, where no linear layer is ahead of them, are not normalised.
Reference: Qin et al., "NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search", NeurIPS
2022, and its authors' network.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, Dataset, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import NodeNetwork
from untrained.spaces.framework.product_space import pick, variations
from untrained.spaces.nasbenchgraph.layers import HEADS, operation_of
from untrained.spaces.nasbenchgraph.notation import (
    LINKS,
    OPERATIONS,
    SKIP,
    is_normal,
    normal,
    numbered,
    read,
    trees,
    write,
)


class Setting(NamedTuple):
    """A data set, and the network that the benchmark trains on it."""

    title: str
    features: int
    classes: int
    nodes: int
    edges: int
    """Undirected."""
    width: int
    ahead: bool
    """Whether a linear layer is ahead of the operations."""
    behind: bool
    """Whether a linear layer is ahead of the classifier."""

    @property
    def degree(self) -> float:
        """Mean number of neighbours."""
        return 2 * self.edges / self.nodes


SETTINGS = {
    "cora": Setting("Cora", 1433, 7, 2708, 5278, 256, ahead=False, behind=True),
    "citeseer": Setting("CiteSeer", 3703, 6, 3327, 4552, 256, ahead=False, behind=True),
    "pubmed": Setting("PubMed", 500, 3, 19_717, 44_324, 128, ahead=False, behind=False),
    "cs": Setting("Coauthor CS", 6805, 15, 18_333, 81_894, 128, ahead=True, behind=False),
    "physics": Setting("Coauthor Physics", 8415, 5, 34_493, 247_962, 256, ahead=True, behind=False),
    "photo": Setting("Amazon Photo", 745, 8, 7487, 119_043, 128, ahead=False, behind=False),
    "computers": Setting("Amazon Computers", 767, 10, 13_381, 245_778, 64, ahead=True, behind=True),
    "arxiv": Setting("ogbn-arxiv", 128, 40, 169_343, 1_166_243, 128, ahead=False, behind=True),
    "proteins": Setting("ogbn-proteins", 8, 112, 132_534, 39_561_252, 256, ahead=True, behind=True),
}
"""By name; widths and linear layers are those that the recorded numbers of parameters tell."""


class Cell(nn.Module):
    """The four operations; the outputs of those that no other reads, side by side."""

    def __init__(
        self, links: tuple[int, ...], names: tuple[str, ...], first: int, width: int, degree: float
    ) -> None:
        """Build with the layers' initialisation.

        Args:
            first: width of what is read, if it is the raw features; 0: it is hidden.
        """
        super().__init__()
        self.links = links
        self.raw = [bool(first)]
        self.norms, self.operations = nn.ModuleList(), nn.ModuleList()
        for source, name in zip(links, names, strict=True):
            self.raw.append(self.raw[source] and name == "skip")
            inputs = first if self.raw[source] else width
            self.operations.append(operation_of(name, inputs, width, degree))
            self.norms.append(nn.BatchNorm1d(width))

    def forward(self, x: Tensor) -> Tensor:
        """(nodes, inputs) -> (nodes, outputs times width)."""
        values = [x]
        for source, norm, operation in zip(self.links, self.norms, self.operations, strict=True):
            value = values[source]
            values.append(operation(value if self.raw[source] else functional.relu(norm(value))))
        return torch.cat([v for k, v in enumerate(values) if k not in self.links], dim=1)


class GraphNetwork(NodeNetwork):
    """Cell and classifier, with the linear layers that the data set's setting has."""

    def __init__(
        self, links: tuple[int, ...], names: tuple[str, ...], setting: Setting, size: NetworkSize
    ) -> None:
        """Build with the layers' initialisation."""
        super().__init__()
        self.num_inputs = size.in_channels
        # the heads of attention share the width
        width = HEADS * size.width(setting.width // HEADS)
        self.stem = nn.Linear(self.num_inputs, width) if setting.ahead else nn.Identity()
        first = 0 if setting.ahead else self.num_inputs
        self.cells = nn.ModuleList([Cell(links, names, first, width, setting.degree)])
        outputs = width * sum(node not in links for node in range(len(links) + 1))
        self.head = nn.Linear(outputs, width) if setting.behind else nn.Identity()
        self.classifier = nn.Linear(width if setting.behind else outputs, size.num_classes)

    def logits(self, nodes: Tensor) -> Tensor:
        """(nodes, features) -> (nodes, classes)."""
        x = self.stem(nodes)
        for cell in self.cells:
            x = cell(x)
        out: Tensor = self.classifier(self.head(functional.relu(x)))
        return out


class NASBenchGraph(SearchSpace):
    """The 26,206 networks of the benchmark; a text in another order denotes one of them."""

    name = "nasbenchgraph"
    title = "NAS-Bench-Graph"
    reference = "Qin et al., NeurIPS 2022"
    size = 26_206
    own_size = "channels=16 for widths as published, whatever cells"
    datasets = tuple(
        Dataset(name, one.title, one.classes, 1, (0.0,), (1.0,), features=one.features)
        for name, one in SETTINGS.items()
    )

    def decoded(self, arch: str | Architecture) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return inputs and operations of the nodes, in normal form.

        Raises:
            MalformedInput: the text is no architecture; the message says why.
        """
        text = self._text_of(arch)
        try:
            return read(text)
        except ValueError as error:
            raise MalformedInput(
                f"cannot read {text!r} as an architecture of {self.name}: {error}. Write, for "
                "example, 0112:gcn,gin,fc,cheb."
            ) from error

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return Architecture(self.name, write(*self.decoded(arch)))

    def __iter__(self) -> Iterator[Architecture]:
        """Enumerate by links, then by operations in the benchmark's order."""
        for links in LINKS:
            for operations in product(range(len(OPERATIONS)), repeat=len(links)):
                if is_normal(links, operations):
                    yield Architecture(self.name, write(links, operations))

    def sample(self, rng: Generator) -> Architecture:
        """Draw links and operations uniformly until they are in normal form."""
        while True:
            links = pick(LINKS, rng)
            operations = [int(one) for one in rng.integers(len(OPERATIONS), size=len(links))]
            if is_normal(links, operations):
                return Architecture(self.name, write(links, operations))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """List those with another operation in one node, or with another input of one node."""
        links, operations = self.decoded(arch)
        changed = [(links, kinds) for kinds in variations(operations, range(len(OPERATIONS)))]
        changed += [(inputs, operations) for inputs in variations(links, range(len(links) + 1))]
        found: dict[str, None] = {}
        for inputs, kinds in changed:
            forest = trees(inputs, kinds) if _is_acyclic(inputs) else []
            if forest and set(kinds) != {SKIP} and sorted(normal(forest)) == sorted(forest):
                found[write(*numbered(forest))] = None
        found.pop(write(links, operations), None)
        return [Architecture(self.name, text) for text in found]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> GraphNetwork:
        """Build with the setting of the data set of these features and classes, else Cora's."""
        links, operations = self.decoded(arch)
        shape = size.in_channels, size.num_classes
        of_shape = (one for one in SETTINGS.values() if (one.features, one.classes) == shape)
        setting = next(of_shape, SETTINGS["cora"])
        return GraphNetwork(links, tuple(OPERATIONS[one] for one in operations), setting, size)


def _is_acyclic(inputs: tuple[int, ...]) -> bool:
    """Whether every node comes from the features, however the nodes are numbered."""
    reached = {0}
    for _ in inputs:
        reached |= {place for place, source in enumerate(inputs, 1) if source in reached}
    return len(reached) == len(inputs) + 1


register_space(NASBenchGraph())
