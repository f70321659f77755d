"""Spaces that are a product of independent decisions."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np

from untrained.spaces.framework.search_space import Architecture, SearchSpace

T = TypeVar("T")


def pick(values: Sequence[T], rng: np.random.Generator) -> T:
    """Draw one of some values, uniformly."""
    return values[int(rng.integers(len(values)))]


def variations(values: Sequence[T], choices: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """Yield the values with another of the choices in one place, place by place."""
    choices = tuple(choices)
    for place, now in enumerate(values):
        for other in choices:
            if other != now:
                yield (*values[:place], other, *values[place + 1 :])


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """How many choices each decision has, and the way there and back."""

    choices: tuple[int, ...]
    """One number a decision."""
    architecture: Callable[[Sequence[int]], Architecture]
    """Of the choices, counted from 0."""
    chosen: Callable[[str | Architecture], tuple[int, ...]]
    """The choices of an architecture."""

    def redraw(
        self, architecture: Architecture, rng: np.random.Generator, rate: float
    ) -> Architecture:
        """Draw each decision anew with probability `rate`; it may come out as it was."""
        chosen = list(self.chosen(architecture))
        for place in np.flatnonzero(rng.random(len(chosen)) < rate):
            chosen[place] = int(rng.integers(self.choices[place]))
        return self.architecture(chosen)

    def diversity(self, architectures: Sequence[Architecture]) -> float:
        """Average the number of decisions in which two of some architectures differ."""
        n = len(architectures)
        if n < 2:
            return 0.0
        columns = zip(*map(self.chosen, architectures), strict=True)
        equal = sum(k * (k - 1) for column in columns for k in Counter(column).values())
        return len(self.choices) - equal / (n * (n - 1))


class ProductSpace(SearchSpace):
    """A space whose architectures are all combinations of independent choices.

    A subclass gives `choices`, `_chosen` and `_combine`; parsing, enumeration, sampling and
    neighbours follow.
    """

    choices: tuple[int, ...]
    """The number of choices of each decision."""

    @abstractmethod
    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        """Read the choices, counted from 0; raise `MalformedInput` for another text."""

    @abstractmethod
    def _combine(self, chosen: Sequence[int]) -> Architecture:
        """Write the architecture of some choices."""

    def decisions(self) -> Decisions:
        """Return the choices and the way there and back."""
        return Decisions(self.choices, self._combine, self._chosen)

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._combine(self._chosen(arch))

    def __iter__(self) -> Iterator[Architecture]:
        """Enumerate in lexicographic order, the last decision varying fastest."""
        return map(self._combine, product(*map(range, self.choices)))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw each decision uniformly."""
        first = self.choices[0]
        # equal numbers of choices take one bounded draw; numpy draws otherwise for arrays
        high = first if set(self.choices) == {first} else np.array(self.choices)
        return self._combine([int(i) for i in rng.integers(high, size=len(self.choices))])

    def mutate(self, arch: str | Architecture, rng: np.random.Generator) -> Architecture:
        """Draw one of `neighbors` uniformly, of which only that one is made."""
        here = self._chosen(arch)
        others = [n - 1 for n in self.choices]
        if not sum(others):
            return super().mutate(arch, rng)
        number, place = int(rng.integers(sum(others))), 0
        while number >= others[place]:
            number -= others[place]
            place += 1
        return self._combine((*here[:place], number + (number >= here[place]), *here[place + 1 :]))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """List the architectures with another choice in one decision."""
        here = self._chosen(arch)
        return [
            self._combine((*here[:place], choice, *here[place + 1 :]))
            for place, n in enumerate(self.choices)
            for choice in range(n)
            if choice != here[place]
        ]

    def _first_members(self, function: Callable[[tuple[int, ...]], Hashable]) -> array[int]:
        """For each architecture, in order, the place of the first of equal function."""
        first: dict[Hashable, int] = {}
        cells = product(*map(range, self.choices))
        return array(
            "i", (first.setdefault(function(cell), place) for place, cell in enumerate(cells))
        )

    def _first_of(self, members: array[int], chosen: Sequence[int]) -> Architecture:
        """The first architecture that computes the same, by what `_first_members` has found."""
        place = members[int(np.ravel_multi_index(tuple(chosen), self.choices))]
        return self._combine([int(i) for i in np.unravel_index(place, self.choices)])
