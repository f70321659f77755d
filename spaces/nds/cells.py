"""The cell spaces of NDS: the genotypes of five papers, with a width and a depth each.

All have two cells; a node reads any two places before it, also one place twice, and a network has
the skeleton of DARTS. They differ in their operations, in the number of nodes, and in what makes a
cell's output: all nodes, or the loose ones that no other node reads.
Reference: Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019,
section 4 and table 2; the operations are those of the published configurations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from numpy.random import Generator

from untrained.spaces import Architecture, Network, NetworkSize, register_space
from untrained.spaces.darts.genotype import (
    CellGenotype,
    Genotype,
    Node,
    first_order,
    genotype_of,
    is_dead,
)
from untrained.spaces.darts.network import DARTS_OPERATIONS, CellNetwork, reduction_layers
from untrained.spaces.framework.network import AS_WRITTEN
from untrained.spaces.framework.product_space import pick
from untrained.spaces.framework.search_space import StemSpace
from untrained.spaces.nds.record import format_record, malformed_record, read_record, whole_number

KEYS = ("aux", "depth", "drop_prob", "genotype", "width")
WIDTHS = (32, 48, 64, 80, 96)
"""Those of the ImageNet records."""
DEPTHS = (6, 10, 14, 18, 22)
WIDEST, DEEPEST = 1024, 1000
NASNET = (
    "skip_connect",
    "conv_3x1_1x3",
    "conv_7x1_1x7",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)
ENAS = ("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")
_EIGHT = (
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "avg_pool_3x3",
    "max_pool_3x3",
    "conv_7x1_1x7",
)
AMOEBA = (*_EIGHT, "dil_sep_conv_3x3")
PNAS = (*_EIGHT, "dil_conv_3x3")


class NDSCells(StemSpace):
    """One cell space of NDS.

    The text of an architecture keeps the set that it names and the order of a node's edges, as in
    the published files; `canonical` sorts them.
    """

    size = None
    own_size = AS_WRITTEN
    least_cells = 3  # of the five that leave a depth as it is written: six cells become four

    def __init__(
        self,
        name: str,
        set_name: str,
        operations: tuple[str, ...],
        nodes: int,
        reference: str,
        *,
        loose: bool = True,
        widths: tuple[int, ...] = WIDTHS,
        depths: tuple[int, ...] = DEPTHS,
    ) -> None:
        """Describe a space.

        Args:
            set_name: of the published file, without `_in`.
            loose: whether the output is the loose nodes instead of all.
            depths: those that are drawn, all cells of a network together.
        """
        self.name = name
        self.title = f"NDS {set_name}"
        self.reference = f"Radosavovic et al., ICCV 2019; {reference}"
        self.sets = (f"{set_name}_in", set_name)
        self.operations = operations
        self.nodes = nodes
        self.loose = loose
        self.widths = widths
        self.depths = depths

    def description(self, arch: str | Architecture) -> tuple[str, dict[str, Any], Genotype]:
        """The set, the network description, and the genotype in it.

        Raises:
            MalformedInput: the text describes no network of this space.
        """
        text = self._text_of(arch)
        set_name, found = read_record(text, self.sets, KEYS)
        if type(found["aux"]) is not bool:
            raise malformed_record(text, f"aux is {found['aux']!r}, not true or false")
        drop = found["drop_prob"]
        if type(drop) not in (int, float) or not 0 <= drop < 1:
            raise malformed_record(text, f"drop_prob is {drop!r}, not a number from 0 to below 1")
        found["drop_prob"] = float(drop)
        whole_number(found["width"], text, "width", WIDEST)
        whole_number(found["depth"], text, "depth", DEEPEST)
        parts = found["genotype"]
        if not isinstance(parts, dict):
            raise malformed_record(text, f"genotype is {parts!r}, not an object")
        genotype = genotype_of(parts, self.operations, text)
        for name, cell in genotype.cells.items():
            if len(cell.nodes) != self.nodes:
                raise malformed_record(
                    text, f"{name} has {len(cell.nodes)} nodes instead of {self.nodes}"
                )
            if cell.concat != self._concat(cell.nodes):
                raise malformed_record(
                    text,
                    f"{name}_concat is {list(cell.concat)}, but the output of this cell is "
                    f"{'its loose nodes' if self.loose else 'all its nodes'} "
                    f"{list(self._concat(cell.nodes))}",
                )
        return set_name, found, genotype

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(*self.description(arch))

    def sample(self, rng: Generator) -> Architecture:
        """One ImageNet architecture: each edge's operation and input, width and depth uniformly.

        The benchmark itself kept only networks of bounded complexity.
        """
        genotype = Genotype(self._draw(rng), self._draw(rng))
        found = {
            "aux": False,
            "drop_prob": 0.0,
            "width": pick(self.widths, rng),
            "depth": pick(self.depths, rng),
        }
        return self._make(self.sets[0], found, genotype)

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with another operation or input of one edge, width, or depth.

        A cell's output follows its edges. An edge that changes the order of its node's two texts
        gives another text of the same function; both count.
        """
        set_name, found, here = self.description(arch)
        around = _around(set_name, found)
        return [
            *(self._in(around, Genotype(c, here.reduction)) for c in self._changed(here.normal)),
            *(self._in(around, Genotype(here.normal, c)) for c in self._changed(here.reduction)),
            *(
                self._make(set_name, {**found, name: size}, here)
                for name, sizes in (("width", self.widths), ("depth", self.depths))
                for size in sizes
                if size != found[name]
            ),
        ]

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The smallest of those that differ in the numbering of nodes and the order of edges alone.

        Without auxiliary head and drop-path, which an untrained network does not have.
        """
        set_name, found, here = self.description(arch)
        genotype = Genotype(first_order(here.normal), first_order(here.reduction))
        return self._make(set_name, {**found, "aux": False, "drop_prob": 0.0}, genotype)

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether `none` cuts every path through a network of the described depth."""
        _, found, genotype = self.description(arch)
        return is_dead(genotype, reduction_layers(found["depth"]), found["depth"])

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels scale the width of the text, cells its depth."""
        _, found, genotype = self.description(arch)
        width, depth = size.width(found["width"]), size.depth(found["depth"])
        return CellNetwork(genotype, replace(size, channels=width, cells=depth))

    def _make(self, set_name: str, found: dict[str, Any], genotype: Genotype) -> Architecture:
        return self._in(_around(set_name, found), genotype)

    def _in(self, around: tuple[str, str], genotype: Genotype) -> Architecture:
        before, after = around
        cells = ", ".join(_cell_text(name, cell) for name, cell in genotype.cells.items())
        return Architecture(self.name, f"{before}{{{cells}}}{after}")

    def _concat(self, nodes: tuple[Node, ...]) -> tuple[int, ...]:
        read = {source for node in nodes for _, source in node} if self.loose else set()
        return tuple(n for n in range(2, len(nodes) + 2) if n not in read)

    def _draw(self, rng: Generator) -> CellGenotype:
        nodes: list[Node] = []
        for number in range(2, self.nodes + 2):
            sources = rng.integers(number, size=2)
            drawn = rng.integers(len(self.operations), size=2)
            first, second = (
                (self.operations[int(o)], int(s)) for o, s in zip(drawn, sources, strict=True)
            )
            nodes.append((first, second))
        return CellGenotype(tuple(nodes), self._concat(tuple(nodes)))

    def _changed(self, cell: CellGenotype) -> Iterator[CellGenotype]:
        for place, node in enumerate(cell.nodes):
            for changed in self._changed_nodes(node, place + 2):
                nodes = (*cell.nodes[:place], changed, *cell.nodes[place + 1 :])
                yield CellGenotype(nodes, self._concat(nodes))

    def _changed_nodes(self, node: Node, number: int) -> Iterator[Node]:
        for place, (operation, source) in enumerate(node):
            edges = [(another, source) for another in self.operations if another != operation]
            edges += [(operation, another) for another in range(number) if another != source]
            for edge in edges:
                yield (edge, node[1]) if place == 0 else (node[0], edge)


def _around(set_name: str, found: dict[str, Any]) -> tuple[str, str]:
    """What stands before and after the genotype."""
    text = format_record(set_name, {**found, "genotype": None})
    before, mark, after = text.partition('"genotype": ')
    return before + mark, after.removeprefix("null")


@lru_cache(maxsize=8192)  # most of a neighbourhood's time is that of the encoder of JSON
def _node_text(node: Node) -> str:
    return json.dumps(node)[1:-1]


def _cell_text(name: str, cell: CellGenotype) -> str:
    nodes = ", ".join(map(_node_text, cell.nodes))
    return f'"{name}": [{nodes}], "{name}_concat": {list(cell.concat)}'


register_space(NDSCells("nds_amoeba", "Amoeba", AMOEBA, 5, "cells of Real et al., AAAI 2019"))
register_space(NDSCells("nds_enas", "ENAS", ENAS, 5, "cells of Pham et al., ICML 2018"))
register_space(NDSCells("nds_nasnet", "NASNet", NASNET, 5, "cells of Zoph et al., CVPR 2018"))
register_space(NDSCells("nds_pnas", "PNAS", PNAS, 5, "cells of Liu et al., ECCV 2018", loose=False))
_DARTS = ((*DARTS_OPERATIONS, "none"), 4, "cells of Liu et al., ICLR 2019")
register_space(NDSCells("nds_darts", "DARTS", *_DARTS, loose=False))
register_space(
    NDSCells("nds_darts_fix-w-d", "DARTS_fix-w-d", *_DARTS, loose=False, widths=(32,), depths=(22,))
)
