"""TE-NAS: prune a supernet by the operations whose removal costs its scores least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import UserError
from untrained.harness.search import (
    Asks,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
    score_supernet,
)
from untrained.spaces.framework.supernet_layout import OperationMask

LOWEST = np.finfo(np.float64).min
"""Importance of operations that cannot be removed: below that of others, above those removed."""

COMBINED: Mapping[str, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {"sum_of_ranks": np.sum, "smaller_rank": np.min, "larger_rank": np.max}
)
"""How the ranks of a removal become one number."""


@register_searcher(
    name="te_nas",
    title="TE-NAS pruning",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, Algorithm 1",
    asks=frozenset({Asks.supernet}),
    deviations="Weights are those of the chosen initialisation, drawn anew for each repeat and "
    "round and the same for all removals of one: the authors' Kaiming-normal re-initialisation has "
    "no effect, so that their repeats share one draw of the default one (here: default, or "
    "kaiming_normal_fan_out for the paper's). A kernel that is singular or not finite counts as "
    "infinitely bad, where the code takes 100,000 for NaN and lets negative condition numbers "
    "pass as excellent. The number to prune is limited edge by edge, not by the first edge of the "
    "first cell. Regions are counted exactly and on ReLUs that are seen once. Kernels see batches "
    "of their protocol without augmentation (paper: 32; code: 72, for DARTS 14). The kernel of "
    "DARTS is that of their network of two cells, with batch norm and ReLU at its end, unless more "
    "cells are asked for: those end with the last cell, and where all that the classifier reads is "
    "normalised, gradients of a batch sum to zero and the kernel is singular.",
)
def te_nas(
    problem: Problem,
    rng: np.random.Generator,
    *,
    repeats: Annotated[int, Parameter("draws of weights and data a round", least=1)] = 3,
    prune_number: Annotated[
        int,
        Parameter(
            "operations that an edge loses a round; in the authors' code 1 on "
            "NAS-Bench-201, 3 on DARTS for CIFAR-10, 2 for ImageNet",
            least=1,
        ),
    ] = 1,
    decimals: Annotated[
        int, Parameter("that a repeat's relative change is rounded to", least=0)
    ] = 3,
    figures: Annotated[
        int, Parameter("significant figures in which tied changes agree", least=1)
    ] = 3,
    combine: Annotated[
        str,
        Parameter(
            "how the losses in several scores become one number; all but the sum of ranks are "
            "ablations of the paper",
            choices=(*COMBINED, "sum_of_changes"),
        ),
    ] = "sum_of_ranks",
) -> Steps:
    """Prune the supernet round by round, by the ranks of relative losses in its scores.

    The paper's scores are the aggregate `te_nas` (condition number and linear regions).

    `none` is left out from the start. A round removes every operation in turn, ranks the relative
    losses in each score among all of them, combines the ranks (by default to their sum, see
    `combine`), and prunes the smallest on each edge. Operations that are left weigh the same. When
    every edge has one, the nodes of DARTS lose edges in the same way until two are left. Any other
    scores work too.

    The incumbent has on each edge what the last round ranked highest, at the start the first
    operation. Logged are the scores of the supernet before each round, means over the repeats,
    and how many operations it has.
    """
    layout = problem.supernet_layout
    if problem.estimator is None:
        raise UserError(
            "te_nas prunes a supernet by its scores and no indicator is named; give --indicator, "
            "the aggregate te_nas for the paper's two"
        )
    names = problem.estimator.indicators
    mask = OperationMask.full(layout, without=("none",))
    incumbent = mask.architecture()
    draw = int(rng.integers(2**31))
    while True:
        draws = range(draw, draw + repeats)
        draw += repeats
        measured = []
        for number in draws:
            measured += yield from score_supernet([mask.text], number)
        series = dict(
            zip(names, np.mean([one.values for one in measured], axis=0).tolist(), strict=True)
        )
        series["operations"] = float(mask.num_operations)
        yield Incumbent(incumbent, series)
        candidates = removals(mask)
        if not candidates:
            return mask.architecture()
        losses = np.zeros((len(candidates), len(names)))
        for number, before in zip(draws, measured, strict=True):
            reduced = [removal.apply(mask).text for removal in candidates]
            after = yield from score_supernet(reduced, number)
            drops = relative_drops(
                np.array(before.oriented), np.array([one.oriented for one in after])
            )
            losses += np.round(drops, decimals) / repeats
        ranks = importance(losses, figures=figures, combine=combine)
        highest = np.full(layout.shape, -np.inf)
        for removal, rank in zip(candidates, ranks, strict=True):
            operation = removal.operation or mask.edges[removal.edge][0]
            highest[removal.edge, layout.operations.index(operation)] = rank
        for removal in least_important(candidates, ranks, number=prune_number):
            mask = removal.apply(mask)
        kept = mask.weights() > 0
        incumbent = layout.derive(np.where(kept, np.maximum(highest, LOWEST), -np.inf))


@dataclass(frozen=True, slots=True)
class Removal:
    """One operation of an edge, or a whole edge, that can be removed from a supernet."""

    edge: int
    operation: str | None
    """None: the edge."""
    group: int
    """Removals of one group compete: those of an edge, or the edges of a node."""
    quota: int
    """Largest number of removals of the group."""

    def apply(self, mask: OperationMask) -> OperationMask:
        """Return the mask after the removal."""
        return mask.without(self.edge, self.operation)


def removals(mask: OperationMask) -> list[Removal]:
    """List the possible removals of a supernet.

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
    """Compute (o - o') / |o| of oriented scores o before and o' after a removal.

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


def importance(
    drops: NDArray[np.float64], *, figures: int, combine: str = "sum_of_ranks"
) -> NDArray[np.float64]:
    """Combine the drops in all indicators into one number for each removal.

    Ranks are dense and among all removals, 0 the smallest: drops that agree in so many significant
    figures are tied, and the next rank is one more. In the sum of changes an infinite drop of one
    indicator outweighs all else, and an infinite gain all that is finite.

    Args:
        drops: (removals, indicators), without NaN.
        combine: as the setting of the searcher.

    Returns:
        (removals,); the smallest go first.
    """
    if combine == "sum_of_changes":
        lost = np.isposinf(drops).max(axis=1, keepdims=True)
        changes: NDArray[np.float64] = np.where(lost, np.inf, drops).sum(axis=1)
        return changes
    ranks = np.zeros(drops.shape)
    for place, column in enumerate(drops.T):
        rounded = np.array([float(f"{value:.{figures - 1}e}") for value in column])
        # adding 0 turns -0 into 0
        ranks[:, place] = np.unique(rounded + 0.0, return_inverse=True)[1]
    return COMBINED[combine](ranks, axis=1)


def least_important(
    candidates: Sequence[Removal], ranks: NDArray[np.float64], *, number: int
) -> list[Removal]:
    """Choose the `number` least important ones in each group, at most its quota.

    The first of equal ones is chosen first. Ranks have the shape (removals,).
    """
    groups: dict[int, list[int]] = {}
    for place, removal in enumerate(candidates):
        groups.setdefault(removal.group, []).append(place)
    chosen = []
    for places in groups.values():
        order = sorted(places, key=lambda place: (ranks[place], place))
        chosen += order[: min(number, candidates[places[0]].quota)]
    return [candidates[place] for place in sorted(chosen)]
