"""Networks of NAS-Bench-201, whole and thin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from untrained.spaces import NetworkSize
from untrained.spaces.framework.network import PooledNetwork, conv_bn
from untrained.spaces.nasbench201.notations import EDGES


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
            nn.ReLU(), *conv_bn(channels_in, channels_out, kernel, stride=stride)
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


class FourNodes(nn.Module):
    """A cell: each of three nodes is the sum of an edge from the input and every earlier node.

    A subclass hands its six edges, in the order of the notation, to `run`.
    """

    live = False
    """Whether what cannot reach the output is left out; see `Network.only_live`."""

    def edge_modules(self) -> Sequence[nn.Module]:
        """The six edges, by target and then by source."""
        raise TypeError(f"{type(self).__name__} has to define edge_modules")

    def forward(self, x: Tensor) -> Tensor:
        """The output node."""
        edges = self.edge_modules()
        if self.live:
            return _live_nodes(edges, x)
        nodes: list[Tensor] = [x]
        left = iter(edges)
        for _ in range(3):
            # a list is evaluated whole before it is extended: the sources are the nodes so far
            inputs = [edge(source) for source, edge in zip(nodes, left, strict=False)]
            nodes.append(sum(inputs[1:], start=inputs[0]))
        return nodes[3]

    def has_live_form(self) -> bool:
        """Whether leaving zeros out keeps logits and derivatives, bit for bit.

        A normalisation of zeros has to give zeros. Of other operations than the four of the
        benchmark it is not known: one that slices its input, for instance, hands back gradients in
        another memory layout, in which later sums have another order.
        """
        edges = self.edge_modules()
        fed = [True, False, False, False]
        """For each node whether it is something else than a sum of zeros."""
        for edge, (source, target) in zip(edges, EDGES, strict=True):
            fed[target] |= fed[source] and not isinstance(edge, Zero)
            if isinstance(edge, ReLUConvBN):
                if not fed[source] and not _keeps_zeros(edge.op[2]):
                    return False
            elif not isinstance(edge, Zero | nn.Identity | nn.AvgPool2d):
                return False
        return True


def _keeps_zeros(norm: nn.Module) -> bool:
    """Whether it is the benchmark's normalisation, with a shift of zero."""
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.bias is None:
        return False
    return not (norm.bias.any() or norm.running_mean.any())


def _live_nodes(edges: Sequence[nn.Module], x: Tensor) -> Tensor:
    """Run a cell without its zeros, with one ReLU a node where gradients allow it.

    The shift of a normalisation of zeros, itself zero, is kept as one number a channel, because it
    has a gradient. Gradients of a node are added up in the order in which they are with all
    edges, so that they are the same to the bit.
    """
    live = _live_edges(edges)
    of = _one_relu(edges, live)
    nodes: list[Tensor | None] = [x]
    shifts: list[Tensor | None] = [None]
    rectified: dict[int, Tensor] = {}
    for node in (1, 2, 3):
        results: list[Tensor] = []
        zeros: list[Tensor] = []
        for place in (p for p in live if EDGES[p][1] == node):
            edge, source = edges[place], EDGES[place][0]
            value, shift = nodes[source], shifts[source]
            if value is None and isinstance(edge, ReLUConvBN):
                bias = edge.op[2].bias
                assert isinstance(bias, Tensor)
                zeros.append(bias.view(-1, 1, 1))
            elif value is None:
                zeros += [] if shift is None else [shift]
            elif isinstance(edge, ReLUConvBN):
                if of[place] not in rectified:
                    rectified[of[place]] = edge.op[0](value)
                results.append(edge.op[2](edge.op[1](rectified[of[place]])))
            else:
                results.append(edge(value))
        if node == 3 and not results:
            results.append(edges[3](x))  # a `none`
        total = _sum(results)
        shifts.append(shift := _sum(zeros))
        if total is not None and shift is not None:
            total = total + shift
        elif node > 1 and total is not None and any(total is known for known in nodes):
            total = total.view_as(total)  # as after a sum with zeros: a node of its own
        nodes.append(total)
    assert nodes[3] is not None
    return nodes[3]


def _sum(tensors: list[Tensor]) -> Tensor | None:
    return sum(tensors[1:], start=tensors[0]) if tensors else None


def _live_edges(edges: Sequence[nn.Module]) -> list[int]:
    """The places of the edges from which a path without `none` leads to the output."""
    used = [False, False, False, True]
    for edge, (source, target) in reversed(list(zip(edges, EDGES, strict=True))):
        used[source] |= used[target] and not isinstance(edge, Zero)
    return [
        place
        for place, (_, target) in enumerate(EDGES)
        if used[target] and not isinstance(edges[place], Zero)
    ]


def _one_relu(edges: Sequence[nn.Module], live: list[int]) -> dict[int, int]:
    """For each live convolution the first one whose ReLU may be its own too.

    Gradients of a node are added up from the last reader to the first. Convolutions share a ReLU
    if no other edge reads the node later, so that theirs are added up before any other.
    """
    found: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    # a skip is read when its target is summed up, behind the operations of that target
    for place in sorted(live, key=lambda p: (EDGES[p][1], isinstance(edges[p], nn.Identity))):
        # node 1 is the input itself behind a skip
        behind_skip = EDGES[place][0] == 1 and isinstance(edges[0], nn.Identity)
        readers.setdefault(0 if behind_skip else EDGES[place][0], []).append(place)
    for places in readers.values():
        together: int | None = None
        for position, place in enumerate(places):
            if isinstance(edges[place], ReLUConvBN):
                if all(isinstance(edges[later], ReLUConvBN) for later in places[position:]):
                    together = place if together is None else together
                found[place] = place if together is None else together
    return found


class Cell(FourNodes):
    """Four nodes, six edges; `layers` holds the edges in the order of the notation."""

    def __init__(self, operations: Sequence[str], channels: int) -> None:
        """Make the edges' modules from their operations' names."""
        super().__init__()
        self.channels = channels
        self.layers = nn.ModuleList(make_operation(name, channels) for name in operations)

    def edge_modules(self) -> Sequence[nn.Module]:
        """The six edges."""
        return list(self.layers)


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


class ReducedNetwork(PooledNetwork):
    """Stem, cells with reductions between, batch norm and ReLU."""

    behind = "lastact"
    stem: nn.Module
    cells: nn.ModuleList

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps, at full, half and a quarter of the resolution."""
        maps: list[Tensor] = []
        x = self.stem(x)
        for block in self.cells:
            if isinstance(block, Reduction):
                maps.append(x)
            x = block(x)
        return [*maps, x]


class NASBench201Network(ReducedNetwork):
    """The macro skeleton around one cell: C, 2C and 4C channels."""

    def __init__(self, operations: Sequence[str], size: NetworkSize) -> None:
        """Build the operations, in the order of the notation, with the layers' default draws."""
        super().__init__()
        channels = size.channels
        self.stem = nn.Sequential(*conv_bn(size.in_channels, channels, 3))
        self.cells = nn.ModuleList()
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                self.cells.append(Reduction(width // 2, width))
            self.cells.extend(Cell(operations, width) for _ in range(size.cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * channels, size.num_classes)


class NASBench201ThinNetwork(PooledNetwork):
    """One cell without a stem, and what follows the last cell of the whole network."""

    behind = "lastact"

    def __init__(self, operations: Sequence[str], size: NetworkSize) -> None:
        """Build the operations, in the order of the notation, with the layers' default draws."""
        super().__init__()
        self.cells = nn.ModuleList([Cell(operations, size.channels)])
        self.lastact = nn.Sequential(nn.BatchNorm2d(size.channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(size.channels, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """One map, the cell's output: nothing reduces."""
        return [self.cells[0](x)]
