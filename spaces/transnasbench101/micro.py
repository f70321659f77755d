"""The micro space of TransNAS-Bench-101 and the tables of both spaces."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import cached_property, partial
from itertools import product

from untrained.foundation import MalformedInput
from untrained.spaces.benchmarks.table import ParquetBenchmark
from untrained.spaces.framework.network import Network, NetworkSize
from untrained.spaces.framework.product_space import ProductSpace
from untrained.spaces.framework.registry import register_benchmark, register_space
from untrained.spaces.framework.search_space import Architecture
from untrained.spaces.nasbench201.function import REDUCTION, normal_form
from untrained.spaces.transnasbench101.network import Cell, TransNASBench101Network

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""The operations in the order of their digits."""
MODULES = (4, 1, 4, 1, 4)
"""The kinds of the modules."""
FORM = "64-41414-a_bc_def"
_PATTERN = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")
_NUM_EDGES = 6


class TransNASBench101Micro(ProductSpace):
    """All 4,096 cells."""

    name = "transnasbench101_micro"
    title = "TransNAS-Bench-101 micro"
    reference = "Duan et al., CVPR 2021"
    size = len(OPERATIONS) ** _NUM_EDGES
    own_size = "channels=64, cells=2, in_channels=3"
    least_channels = 2  # the stem begins with half of them
    choices = (len(OPERATIONS),) * _NUM_EDGES

    def operations(self, arch: str | Architecture) -> tuple[int, ...]:
        """The digit of each edge, in the order 01, 02, 12, 03, 13, 23.

        Raises:
            MalformedInput: the text is not of the form of the notation.
        """
        text = self._text_of(arch)
        found = _PATTERN.fullmatch("".join(text.split()))
        if found is None:
            raise _malformed(text)
        return tuple(map(int, found.groups()))

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        return self.operations(arch)

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, "64-41414-{}_{}{}_{}{}{}".format(*chosen))

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The first architecture, in iteration order, that computes the same function.

        Decided by the normal forms of `nasbench201_function`: both of the cell that keeps the shape
        and of the one that changes it, where a skip connection from the input has weights.
        """
        position = self._first_members[self._position(self.operations(arch))]
        digits = [
            position // len(OPERATIONS) ** power % len(OPERATIONS) for power in range(_NUM_EDGES)
        ]
        return self._combine(digits[::-1])

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether no path of live operations leads from input to output."""
        return not normal_form([OPERATIONS[i] for i in self.operations(arch)]).text

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels override the 64 of the text."""
        return TransNASBench101Network(MODULES, partial(Cell, self.operations(arch)), size)

    def _position(self, operations: Sequence[int]) -> int:
        """Place in the iteration order."""
        position = 0
        for operation in operations:
            position = len(OPERATIONS) * position + operation
        return position

    @cached_property
    def _first_members(self) -> array[int]:
        """For each architecture the position of the first of its class."""
        first: dict[tuple[str, str], int] = {}
        cells = product(range(len(OPERATIONS)), repeat=_NUM_EDGES)
        return array(
            "i", (first.setdefault(_function(cell), place) for place, cell in enumerate(cells))
        )


def _function(operations: Sequence[int]) -> tuple[str, str]:
    """The normal forms of the cell that keeps the shape and of the one that changes it."""
    names = [OPERATIONS[operation] for operation in operations]
    reducing = list(names)
    for edge in (0, 1, 3):  # those that leave the input
        if names[edge] == "skip_connect":
            reducing[edge] = REDUCTION
    return normal_form(names).text, normal_form(reducing).text


def _malformed(text: str) -> MalformedInput:
    operations = ", ".join(f"{digit} {name}" for digit, name in enumerate(OPERATIONS))
    compact = "".join(text.split())
    if compact.startswith("64-41414-"):
        reason = f"its cell is {compact[len('64-41414-') :]!r}"
    else:
        reason = "it does not begin with '64-41414-'"
    return MalformedInput(
        f"{text!r} is not a TransNAS-Bench-101 micro architecture: {reason} (write {FORM}, "
        f"with a digit for each edge 01, 02, 12, 03, 13, 23: {operations})"
    )


register_space(TransNASBench101Micro())


for _space in ("transnasbench101_micro", "transnasbench101_macro"):
    register_benchmark(ParquetBenchmark(_space, space=_space), origin=__name__)
