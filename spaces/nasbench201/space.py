"""The search space NAS-Bench-201, and its supernet."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from torch import nn

from untrained.foundation import MalformedInput, suggest
from untrained.spaces import (
    Architecture,
    Network,
    NetworkSize,
    ProductSpace,
    TrainingCost,
    benchmarks,
    register_space,
)
from untrained.spaces.framework.supernet import EdgeWeights, MixedEdge, Supernet
from untrained.spaces.framework.supernet_layout import OperationMask, SupernetLayout
from untrained.spaces.nasbench201.function import normal_form
from untrained.spaces.nasbench201.network import (
    Cell,
    NASBench201Network,
    NASBench201ThinNetwork,
    Zero,
    make_operation,
)
from untrained.spaces.nasbench201.notations import (
    EDGES,
    find_cells,
    from_autodl_indices,
    from_naslib_indices,
    own_notation,
)

if TYPE_CHECKING:
    from untrained.spaces.benchmarks.benchmark import Benchmark


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations in the order that enumeration follows."""
LAYOUT = SupernetLayout.dense(
    "nasbench201",
    cells=("cell",),
    inputs=1,
    nodes=3,
    operations=OPERATIONS,
    inputs_per_node=None,
    least_cells=1,
)
"""Of the supernet: the edges are those of `EDGES`."""
_IMAGES = {"cifar10": 25_000, "cifar100": 50_000, "imagenet16-120": 151_700}
"""Training images of the networks whose validation accuracy the benchmark has."""
_SIZED = ("cifar10", "params_millions")
_MEAN_EPOCH_S = 9.14
_MEAN_PARAMS = 0.398554
_SLOPE_S = (10.848 - 7.221) / (0.802426 - 0.129306)
_EVALUATION_EPOCHS = 0.35
FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"

Operations = tuple[str, ...]
"""The operation of each edge, in the order of `EDGES`."""


def format_operations(operations: Operations) -> str:
    """The notation of a cell, given the operation of each edge in the order of `EDGES`."""
    a, b, c, d, e, f = operations
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


@dataclass(frozen=True, slots=True)
class NASBench201Parts:
    """See `SupernetParts`: the whole network or the thin one, all operations on each edge."""

    build: Callable[[Operations], Network]
    """The network of a cell: whole or thin, of the supernet's size."""

    layout = LAYOUT

    def mixed(self, mask: OperationMask, weights: EdgeWeights) -> Network:
        """See `SupernetParts.mixed`."""
        network = self.build(("none",) * len(EDGES))
        for cell in network.modules():
            if isinstance(cell, Cell):
                cell.layers = nn.ModuleList(
                    _edge(mask, number, cell.channels, weights) for number in range(len(EDGES))
                )
        return network


def _edge(mask: OperationMask, edge: int, channels: int, weights: EdgeWeights) -> MixedEdge:
    operations = {
        place: (name, make_operation(name, channels))
        for place, name in enumerate(LAYOUT.operations)
        if name in mask.edges[edge]
    }
    return MixedEdge(operations, Zero(), edge, weights)


class NASBench201(ProductSpace):
    """All 15,625 cells of NAS-Bench-201."""

    name = "nasbench201"
    title = "NAS-Bench-201"
    reference = "Dong and Yang, ICLR 2020; Dong et al. (NATS-Bench), TPAMI 2021"
    size = len(OPERATIONS) ** len(EDGES)
    own_size = "channels=16, cells=5, in_channels=3"
    choices = (len(OPERATIONS),) * len(EDGES)
    notations = MappingProxyType({"naslib": from_naslib_indices, "autodl": from_autodl_indices})

    def _text_of_object(self, item: object) -> str:
        """Take what writes itself: `Structure` of NAS-Bench-201, NATS-Bench and AutoDL-Projects."""
        write = getattr(item, "tostr", None)
        return str(write()) if callable(write) else super()._text_of_object(item)

    def find(self, text: str) -> list[str]:
        """Return the parts of a text that look like cells."""
        return find_cells(text)

    def operations(self, arch: str | Architecture) -> Operations:
        """The operation of each edge, in the order of `EDGES`.

        Raises:
            MalformedInput: the text is not of the form of the notation.
        """
        text = self._text_of(arch)
        nodes = "".join(own_notation(text).split()).split("+")
        if len(nodes) != 3:
            raise _malformed(text, f"it has {len(nodes)} nodes, separated by '+', instead of 3")
        found: list[str] = []
        for target, node in enumerate(nodes, start=1):
            found.extend(_operations_of_node(text, node, target))
        return tuple(found)

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return tuple(map(OPERATIONS.index, self.operations(arch)))

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, format_operations(tuple(OPERATIONS[i] for i in chosen)))

    def canonical(self, arch: str | Architecture, *, linear_pooling: bool = False) -> Architecture:
        """The first architecture, in iteration order, that computes the same function.

        Two architectures compute the same function if their convolutions can be paired such that
        with equal weights in each pair the untrained networks agree on every input; see
        `function.normal_form`. 5,260 classes, or 5,044 with `linear_pooling`.
        """
        classes = self._linear_classes if linear_pooling else self._classes
        return self._first_of(classes, self._chosen(arch))

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether no path of live operations leads from input to output (341 architectures)."""
        return not normal_form(self.operations(arch)).text

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        return NASBench201Network(self.operations(arch), size)

    def build_thin(
        self, arch: str | Architecture, *, num_classes: int, channels: int = 1
    ) -> Network:
        """See `SearchSpace.build_thin`: the first cell, batch norm, ReLU, pooling, classifier."""
        size = self.network_size(num_classes=num_classes, channels=channels)
        return NASBench201ThinNetwork(self.operations(arch), size)

    @property
    def supernet_layout(self) -> SupernetLayout:
        """See `SearchSpace.supernet_layout`: the six edges of a cell, the five operations."""
        return LAYOUT

    def supernet(
        self, *, num_classes: int, channels: int, cells: int, in_channels: int = 3
    ) -> Supernet:
        """See `SearchSpace.supernet`; TE-NAS has 3 channels and one cell a stage."""
        size = self.network_size(
            num_classes=num_classes, channels=channels, cells=cells, in_channels=in_channels
        )
        return Supernet(NASBench201Parts(partial(NASBench201Network, size=size)))

    def thin_supernet(self, *, num_classes: int, channels: int = 1) -> Supernet:
        """See `SearchSpace.thin_supernet`: one cell, batch norm, ReLU, pooling, classifier."""
        size = self.network_size(num_classes=num_classes, channels=channels)
        return Supernet(NASBench201Parts(partial(NASBench201ThinNetwork, size=size)))

    def _num_parameters(self, arch: str | Architecture, size: NetworkSize) -> int:
        """Count trainable parameters in closed form.

        With c the channels of a stage: a k x k edge has k^2 c^2 + 2c (convolution, batch norm), a
        reduction from c to d = 2c has 9cd + 9d^2 + 4d + cd.
        """
        operations = self.operations(arch)
        n1, n3 = operations.count("nor_conv_1x1"), operations.count("nor_conv_3x3")
        widths = (size.channels, 2 * size.channels, 4 * size.channels)
        edges = sum(n1 * (c * c + 2 * c) + n3 * (9 * c * c + 2 * c) for c in widths)
        reductions = sum(10 * c * d + 9 * d * d + 4 * d for c, d in pairwise(widths))
        stem = (9 * size.in_channels + 2) * size.channels
        head = 2 * widths[2] + (widths[2] + 1) * size.num_classes
        return stem + size.cells * edges + reductions + head

    def training_cost(self, benchmark: Benchmark, dataset: str) -> TrainingCost | None:
        """Find the seconds of trainings for tables without them: recorded, or else modelled.

        The table `nasbench201_seconds` has the recorded seconds of 12 epochs on the 25,000 training
        images of CIFAR-10's validation split. Without it an epoch is modelled from published times:
        it took 9.14 s on average over 15,000 of the architectures (computed through the benchmark's
        own interface; public code of Mirofil/SOTL_NAS), and two printed answers of that interface
        give the slope: 10.848 s at 0.8024 million parameters and 7.221 s at 0.1293. One evaluation
        took 0.346 and 0.353 of an epoch there. Hence, for E epochs and P million parameters,

            seconds = (E + 0.35) epoch n / 25,000,   epoch = recorded / 12, or
                                                     epoch = 9.14 + 5.39 (P - 0.3986)

        n is the number of training images. That other datasets differ by it alone is how the
        authors' own search script estimates times (25,000, 50,000 and 151,700 images;
        AutoDL-Projects, NAS-Bench-201-algos/R_EA.py), and agrees with the budgets of 20,000,
        40,000 and 120,000 s in their script for NATS-Bench. By the model twelve epochs on CIFAR-10
        are 112.9 s on average, and 12,000 s buy 106 trainings; as recorded they are 112.9 s too
        (109.7 s without the evaluation).

        Args:
            benchmark: needs the metric `params_millions` on CIFAR-10, unless there are recorded
                seconds.
        """
        if dataset not in _IMAGES or not benchmark.enumerable:
            return None
        scale = _IMAGES[dataset] / _IMAGES["cifar10"]
        recorded = benchmarks["nasbench201_seconds"]
        if recorded.missing() is None:
            table = recorded.table(dataset="cifar10", metric="train_seconds", epochs=12)
            epochs_s = table["value"] / 12
            text = "recorded for 12 epochs on CIFAR-10; an evaluation is MODELLED as 0.35 epochs"
            if scale != 1:
                text += f", and an epoch on {dataset} as {scale:g} of CIFAR-10's, by its images"
        elif any((t.dataset, t.metric) == _SIZED for t in benchmark.targets()):
            table = benchmark.table(dataset=_SIZED[0], metric=_SIZED[1])
            epochs_s = _MEAN_EPOCH_S + _SLOPE_S * (table["value"] - _MEAN_PARAMS)
            text = (
                "MODELLED, not recorded: the table has no training times; an epoch is 9.14 s on "
                "average (published mean), 5.39 s more a million parameters, and an evaluation "
                "0.35 epochs"
            )
        else:
            return None
        epoch_s = dict(zip(table["architecture"], map(float, scale * epochs_s), strict=True))
        return TrainingCost(
            text,
            lambda architecture, epochs: (epochs + _EVALUATION_EPOCHS) * epoch_s[architecture.text],
        )

    @cached_property
    def _classes(self) -> array[int]:
        return self._first_members(_function)

    @cached_property
    def _linear_classes(self) -> array[int]:
        return self._first_members(partial(_function, linear_pooling=True))


def _function(chosen: Sequence[int], *, linear_pooling: bool = False) -> str:
    return normal_form([OPERATIONS[i] for i in chosen], linear_pooling=linear_pooling).text


def _operations_of_node(text: str, node: str, target: int) -> Iterator[str]:
    if len(node) < 2 or node[0] != "|" or node[-1] != "|":
        raise _malformed(text, f"node {target} is {node!r}, which '|' does not open and close")
    inputs = node[1:-1].split("|")
    if len(inputs) != target:
        raise _malformed(
            text, f"node {target} is {node!r} with {len(inputs)} inputs instead of {target}"
        )
    parts = [entry.rpartition("~") for entry in inputs]
    for source, (operation, mark, number) in enumerate(sorted(parts, key=lambda part: part[2])):
        if not mark or number != str(source):
            raise _malformed(
                text,
                f"input {source} of node {target} is {operation + mark + number!r}, "
                f"expected 'op~{source}'",
            )
        if operation not in OPERATIONS:
            raise _malformed(
                text,
                f"the edge {source}>{target} has the operation {operation!r}; "
                f"{suggest(operation, OPERATIONS)}",
            )
        yield operation


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a NAS-Bench-201 architecture: {reason} "
        f"(write {FORM} with op one of {', '.join(OPERATIONS)})"
    )


register_space(NASBench201())
