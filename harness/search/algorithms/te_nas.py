"""TE-NAS: a supernet loses, round by round, the operations that its scores miss least."""

from __future__ import annotations

from typing import Annotated

import numpy as np

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
from untrained.harness.search.supernet.opening import layout_of
from untrained.harness.search.supernet.pruning import (
    importance,
    least_important,
    relative_drops,
    removals,
)
from untrained.spaces.framework.supernet_layout import OperationMask


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
    "of their protocol without augmentation (paper: 32; code: 72, for DARTS 14). A supernet of "
    "DARTS has three cells, not two, affine batch norms and, as the networks inside, none behind "
    "poolings: where all that the classifier reads is normalised, gradients of a batch sum to zero "
    "and its kernel is singular.",
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
) -> Steps:
    """The paper's scores are the aggregate `te_nas` (condition number and linear regions).

    `none` is left out from the start. A round removes every operation in turn, sums the ranks of
    the relative losses in each score among all of them, and prunes the smallest sums on each
    edge. Operations that are left weigh the same. When every edge has one, the nodes of DARTS
    lose edges in the same way until two are left. Any other scores work too.

    The incumbent has on each edge what the last round ranked highest, at the start the first
    operation. Logged are the scores of the supernet before each round, means over the repeats,
    and how many operations it has.
    """
    layout = layout_of(problem)
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
        ranks = importance(losses, figures=figures)
        highest = np.full(layout.shape, -np.inf)
        for removal, rank in zip(candidates, ranks, strict=True):
            operation = removal.operation or mask.edges[removal.edge][0]
            highest[removal.edge, layout.operations.index(operation)] = rank
        for removal in least_important(candidates, ranks, number=prune_number):
            mask = removal.apply(mask)
        kept = mask.weights() > 0
        incumbent = layout.derive(np.where(kept, np.maximum(highest, -1), -np.inf))
