"""Where a search may go: which networks it draws, and what lies next to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from untrained.foundation import UserError
from untrained.spaces import Architecture, SearchSpace

_DRAWS = 100_000

Cost = Callable[[Architecture], float]
"""A size or a measured cost of a network; NaN where it is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """An upper bound on what a network costs."""

    name: str
    """`flops`, `params`, `edgegpu_latency_ms`, ..."""
    at_most: float
    value: Cost
    """NaN where it is not known, which no limit admits."""

    def admits(self, architecture: Architecture) -> bool:
        """Whether the network keeps the limit."""
        return self.value(architecture) <= self.at_most


class Domain:
    """A search space, or the part of it that a search is confined to."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        members: Sequence[Architecture] | None = None,
        confined: bool = False,
        limits: Sequence[Limit] = (),
    ) -> None:
        """Say what may be drawn.

        Args:
            space: the search space.
            members: what `sample` draws from, instead of the whole space.
            confined: whether `mutate` and `neighbors` stay among the members too: what lies next
                to a network are then the members at the smallest number of changed decisions at
                which there are any.
            limits: what every network has to keep.

        Raises:
            UserError: no member keeps the limits.
        """
        self.space = space
        self.limits = tuple(limits)
        self.confined = confined
        self._members = None if members is None else [a for a in members if self.admits(a)]
        self._known = frozenset(self._members or ())
        self._next: dict[Architecture, list[Architecture]] = {}
        if self._members is not None and not self._members:
            raise UserError(self._nothing(f"none of the {len(members or ()):,} networks"))

    @property
    def num_members(self) -> int | None:
        """How many networks `sample` draws from; None: the whole space."""
        return None if self._members is None else len(self._members)

    @property
    def members(self) -> tuple[Architecture, ...] | None:
        """What `sample` draws from; None: the whole space."""
        return None if self._members is None else tuple(self._members)

    def admits(self, architecture: Architecture) -> bool:
        """Whether a network keeps all limits."""
        return all(limit.admits(architecture) for limit in self.limits)

    def holds(self, architecture: Architecture) -> bool:
        """Whether the search may be at a network: it keeps the limits, or is a member of a part."""
        if self.confined and self._members is not None:
            return architecture in self._known
        return self.admits(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """One network, drawn uniformly from those that keep the limits.

        Raises:
            UserError: none of many draws does.
        """
        if self._members is not None:
            return self._members[int(rng.integers(len(self._members)))]
        for _ in range(_DRAWS):
            drawn = self.space.sample(rng)
            if self.admits(drawn):
                return drawn
        raise UserError(self._nothing(f"none of {_DRAWS:,} networks drawn from {self.space.name}"))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One of `neighbors`, drawn uniformly; the network itself where it has none."""
        if not self.limits and not self.confined:
            return self.space.mutate(architecture, rng)
        nearby = self.neighbors(architecture)
        return nearby[int(rng.integers(len(nearby)))] if nearby else architecture

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The networks next to one that keep the limits, in a fixed order."""
        if not self.limits and not self.confined:
            return self.space.neighbors(architecture)
        if architecture not in self._next:
            if self.confined:
                self._next[architecture] = self._nearest_members(architecture)
            else:
                found = self.space.neighbors(architecture)
                self._next[architecture] = [a for a in found if self.admits(a)]
        return self._next[architecture]

    def _nearest_members(self, architecture: Architecture) -> list[Architecture]:
        """The members at the smallest distance, one ring of neighbours after the other."""
        seen = {architecture}
        ring = [architecture]
        while ring:
            # a dictionary keeps the order, so that draws do not depend on hashes
            after = dict.fromkeys(n for a in ring for n in self.space.neighbors(a))
            ring = [a for a in after if a not in seen]
            found = [a for a in ring if a in self._known]
            if found:
                return found
            seen.update(ring)
        return []

    def _nothing(self, what: str) -> str:
        asked = ", ".join(f"{limit.name} <= {limit.at_most:g}" for limit in self.limits)
        return f"{what} keeps the limits {asked or '(there are none)'}; raise them"
