"""What TE-NAS's pruning decides with: what may go, what that costs, and which go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.spaces.framework.supernet_layout import OperationMask


@dataclass(frozen=True, slots=True)
class Removal:
    """One operation of an edge, or a whole edge, that may be taken from a supernet."""

    edge: int
    operation: str | None
    """None: the edge."""
    group: int
    """Removals of one group compete: those of an edge, or the edges of a node."""
    quota: int
    """How many of the group may go at most."""

    def apply(self, mask: OperationMask) -> OperationMask:
        """The mask after it."""
        return mask.without(self.edge, self.operation)


def removals(mask: OperationMask) -> list[Removal]:
    """What may be taken from a supernet.

    Single operations as long as any edge has more than one; then, where an architecture keeps some
    edges of a node, whole edges of nodes that have more.
    """
    found = [
        Removal(edge, operation, edge, len(operations) - 1)
        for edge, operations in enumerate(mask.edges)
        if len(operations) > 1
        for operation in operations
    ]
    keep = mask.layout.inputs_per_node
    if found or keep is None:
        return found
    for group, places in enumerate(mask.layout.nodes()):
        alive = [edge for edge in places if mask.edges[edge]]
        if len(alive) > keep:
            found.extend(Removal(edge, None, group, len(alive) - keep) for edge in alive)
    return found


def relative_drops(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """(o - o') / |o| of oriented scores o before and o' after a removal: what it costs.

    A missing score counts as -inf, and the ratio as its limit: a removal that costs the score
    altogether has infinite cost, one that gives it -1, and one that changes nothing 0.

    Args:
        before: (indicators,), larger is better.
        after: (removals, indicators).

    Returns:
        (removals, indicators), without NaN.
    """
    tiny = np.finfo(np.float64).tiny
    there, left = ~np.isnan(before), ~np.isnan(after)
    with np.errstate(invalid="ignore", over="ignore"):
        drops: NDArray[np.float64] = (before - after) / np.maximum(np.abs(before), tiny)
    drops = np.where(there & ~left, np.inf, drops)
    drops = np.where(~there & left, -1.0, drops)
    return np.where(~there & ~left, 0.0, drops)


def importance(drops: NDArray[np.float64], *, figures: int) -> NDArray[np.int64]:
    """The sum over the indicators of dense ranks of the drops, 0 the smallest.

    Drops that agree in so many significant figures are tied, and the next rank is one more.

    Args:
        drops: (removals, indicators), without NaN.

    Returns:
        (removals,); the smallest go first.
    """
    total = np.zeros(len(drops), dtype=np.int64)
    for column in drops.T:
        rounded = np.array([float(f"{value:.{figures - 1}e}") for value in column])
        # adding 0 turns -0 into 0
        total += np.unique(rounded + 0.0, return_inverse=True)[1]
    return total


def least_important(
    candidates: Sequence[Removal], ranks: NDArray[np.int64], *, number: int
) -> list[Removal]:
    """The `number` removals of the smallest rank sums in each group, or as many as its quota.

    Of equal ones those first that come first.

    Args:
        ranks: (removals,).
    """
    groups: dict[int, list[int]] = {}
    for place, removal in enumerate(candidates):
        groups.setdefault(removal.group, []).append(place)
    chosen = []
    for places in groups.values():
        order = sorted(places, key=lambda place: (ranks[place], place))
        chosen += order[: min(number, candidates[places[0]].quota)]
    return [candidates[place] for place in sorted(chosen)]
