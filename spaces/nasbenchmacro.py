"""The NAS-Bench-Macro search space: eight layers, each one of three blocks.

The notation has one digit a layer: 0 identity, 1 inverted residual with expansion 3 and kernel 3,
2 with expansion 6 and kernel 5. Layers 1-2, 3-5 and 6-8 form three stages; the first layer of each
halves the resolution and doubles the channels, there also an identity is a convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from numpy.random import Generator

from untrained.foundation import MalformedInput
from untrained.spaces.architecture import Architecture
from untrained.spaces.network_size import check_network_size
from untrained.spaces.registry import register_space
from untrained.spaces.search_space import SearchSpace

if TYPE_CHECKING:
    from untrained.spaces.network import Network

BLOCKS = ("identity", "MBConv expansion 3 kernel 3", "MBConv expansion 6 kernel 5")
"""The blocks in the order of their digits."""
STAGES = (2, 3, 3)
"""Layers of each stage."""
NUM_LAYERS = sum(STAGES)


class NASBenchMacro(SearchSpace):
    """All 6,561 networks of NAS-Bench-Macro, of which 3,969 differ."""

    name = "nasbenchmacro"
    title = "NAS-Bench-Macro"
    reference = "Su et al. (MCT-NAS), CVPR 2021"
    size = len(BLOCKS) ** NUM_LAYERS

    def layers(self, arch: str | Architecture) -> tuple[int, ...]:
        """The place in `BLOCKS` of each layer's block.

        Raises:
            MalformedInput: the text is not eight digits from 0 to 2.
        """
        text = self._text_of(arch)
        digits = "".join(text.split())
        if len(digits) != NUM_LAYERS:
            raise _malformed(text, f"it has {len(digits)} layers instead of {NUM_LAYERS}")
        for layer, digit in enumerate(digits, start=1):
            if digit not in ("0", "1", "2"):
                raise _malformed(text, f"the block of layer {layer} is {digit!r}")
        return tuple(map(int, digits))

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.layers(arch))

    def __iter__(self) -> Iterator[Architecture]:
        """All 6,561 in lexicographic order, the last layer varying fastest."""
        return map(self._make, product(range(len(BLOCKS)), repeat=NUM_LAYERS))

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, each layer's block drawn uniformly."""
        return self._make(tuple(int(i) for i in rng.integers(len(BLOCKS), size=NUM_LAYERS)))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The 16 architectures with another block in one layer."""
        here = self.layers(arch)
        return [
            self._make((*here[:layer], block, *here[layer + 1 :]))
            for layer in range(NUM_LAYERS)
            for block in range(len(BLOCKS))
            if block != here[layer]
        ]

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The first architecture, in iteration order, with the same layers that do something.

        An identity that does not reduce does nothing, so only the order of the other blocks of a
        stage counts: 3,969 classes. The benchmark trained one network of each.
        """
        here = self.layers(arch)
        moved: list[int] = []
        for length in STAGES:
            first, *rest = here[len(moved) : len(moved) + length]
            moved += [first, *sorted(rest, key=bool)]
        return self._make(tuple(moved))

    def build(
        self,
        arch: str | Architecture,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int = 3,
    ) -> Network:
        """See `SearchSpace.build`; the benchmark itself has 32 channels.

        Args:
            arch: the architecture.
            num_classes: number of logits.
            channels: width of the stem; the stages have twice, four and eight times as much.
            cells: without effect, since the text names every layer.
            in_channels: channels of the images.
        """
        from untrained.spaces.nasbenchmacro_network import NASBenchMacroNetwork

        self._check(num_classes, channels, cells, in_channels)
        return NASBenchMacroNetwork(
            self.layers(arch), num_classes=num_classes, channels=channels, in_channels=in_channels
        )

    def _check(self, num_classes: int, channels: int, cells: int, in_channels: int) -> None:
        check_network_size(
            self.title,
            "channels=32, in_channels=3; cells has no effect",
            num_classes=num_classes,
            channels=channels,
            cells=cells,
            in_channels=in_channels,
        )

    def _make(self, layers: tuple[int, ...]) -> Architecture:
        return Architecture(self.name, "".join(map(str, layers)))


def _malformed(text: str, reason: str) -> MalformedInput:
    blocks = ", ".join(f"{digit} {name}" for digit, name in enumerate(BLOCKS))
    return MalformedInput(
        f"{text!r} is not a NAS-Bench-Macro architecture: {reason} "
        f"(write {NUM_LAYERS} digits, one a layer: {blocks})"
    )


register_space(NASBenchMacro())
