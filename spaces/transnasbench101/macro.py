"""The macro space of TransNAS-Bench-101: four to six modules of two residual blocks.

The notation is `64-1234-basic`: width of the stem, one digit a module (1 neither, 2 double the
channels, 3 halve the resolution, 4 both), and the kind of block, which is always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product

from numpy.random import Generator

from untrained.foundation import MalformedInput
from untrained.spaces.framework.network import Network, NetworkSize
from untrained.spaces.framework.registry import register_space
from untrained.spaces.framework.search_space import Architecture, SearchSpace
from untrained.spaces.transnasbench101.network import BasicBlock, TransNASBench101Network

LENGTHS = (4, 5, 6)
"""Numbers of modules."""
KINDS = (1, 2, 3, 4)
HALVINGS = range(1, 5)
"""How often the resolution is halved."""
DOUBLINGS = range(1, 4)
"""How often the channels are doubled."""
FORM = "64-modules-basic, such as 64-1234-basic"

Modules = tuple[int, ...]


class TransNASBench101Macro(SearchSpace):
    """All 3,256 networks; the benchmark's table lacks one of them, `64-113444-basic`."""

    name = "transnasbench101_macro"
    title = "TransNAS-Bench-101 macro"
    reference = "Duan et al., CVPR 2021"
    size = 3256
    own_size = "channels=64, cells=2, in_channels=3"
    least_channels = 2  # the stem begins with half of them

    def modules(self, arch: str | Architecture) -> Modules:
        """The digit of each module.

        Raises:
            MalformedInput: the text denotes no network of the space.
        """
        text = self._text_of(arch)
        parts = "".join(text.split()).split("-")
        if len(parts) != 3 or parts[0] != "64" or parts[2] != "basic":
            raise _malformed(text, "it is not a '64', modules and 'basic', joined by '-'")
        for place, digit in enumerate(parts[1], start=1):
            if digit not in ("1", "2", "3", "4"):
                raise _malformed(text, f"module {place} is {digit!r}")
        modules = tuple(map(int, parts[1]))
        reason = _outside(modules)
        if reason:
            raise _malformed(text, reason)
        return modules

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.modules(arch))

    def __iter__(self) -> Iterator[Architecture]:
        """All 3,256, shorter networks first, otherwise in lexicographic order."""
        for length in LENGTHS:
            for modules in product(KINDS, repeat=length):
                if not _outside(modules):
                    yield self._make(modules)

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, drawn uniformly from all 3,256."""
        return self._members[int(rng.integers(self.size))]

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with one module of another kind, or one module more or less."""
        here = self.modules(arch)
        changed = [
            (*here[:place], kind, *here[place + 1 :])
            for place in range(len(here))
            for kind in KINDS
        ]
        changed += [(*here[:place], *here[place + 1 :]) for place in range(len(here))]
        changed += [
            (*here[:place], kind, *here[place:]) for place in range(len(here) + 1) for kind in KINDS
        ]
        found = dict.fromkeys(modules for modules in changed if not _outside(modules))
        del found[here]
        return [self._make(modules) for modules in found]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels override the 64 of the text."""
        return TransNASBench101Network(self.modules(arch), BasicBlock, size)

    def _make(self, modules: Sequence[int]) -> Architecture:
        return Architecture(self.name, f"64-{''.join(map(str, modules))}-basic")

    @cached_property
    def _members(self) -> tuple[Architecture, ...]:
        return tuple(self)


def _outside(modules: Modules) -> str:
    """Why there is no such network; empty if there is."""
    if len(modules) not in LENGTHS:
        return f"it has {len(modules)} modules, not {LENGTHS[0]} to {LENGTHS[-1]}"
    halvings = sum(kind in (3, 4) for kind in modules)
    if halvings not in HALVINGS:
        return f"it halves the resolution {halvings} times, not 1 to 4 times"
    doublings = sum(kind in (2, 4) for kind in modules)
    if doublings not in DOUBLINGS:
        return f"it doubles the channels {doublings} times, not 1 to 3 times"
    return ""


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a TransNAS-Bench-101 macro architecture: {reason} (write {FORM}: 4 to 6 "
        "modules, 1 neither, 2 double the channels, 3 halve the resolution, 4 both)"
    )


register_space(TransNASBench101Macro())
