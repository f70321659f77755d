"""Pareto dominance and fronts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from untrained.harness.search.evaluators.ground_truth import Truth
    from untrained.harness.search.experiment.runs import Finished


Floats = NDArray[np.float64]


def fronts(objectives: Floats) -> list[NDArray[np.intp]]:
    """Candidates in layers: nobody dominates the first, only the first the second, and so on.

    One dominates another if it is as good in every objective and better in one. A candidate with
    a missing value is dominated by every complete one and dominates nobody.

    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE Transactions on
    Evolutionary Computation 6, 2002, III.A.

    Args:
        objectives: (candidates, objectives); larger is better.

    Returns:
        Places of the candidates, ascending in each layer.
    """
    missing = np.zeros(len(objectives), dtype=np.bool_)
    for column in objectives.T:
        missing |= np.isnan(column)
    values = np.where(missing[:, None], -np.inf, objectives)
    as_good = np.ones((len(values), len(values)), dtype=np.bool_)
    better = np.zeros_like(as_good)
    for column in values.T:
        as_good &= column[:, None] >= column
        better |= column[:, None] > column
    dominates = as_good & better & ~missing[:, None]
    left = np.ones(len(values), dtype=bool)
    layers = []
    while left.any():
        free = left & ~dominates[left].any(axis=0)
        layers.append(np.flatnonzero(free))
        left &= ~free
    return layers


def crowding(objectives: Floats) -> Floats:
    """How far each candidate of one layer is from its neighbours (NSGA-II, III.B).

    The sum over the objectives of the distance between the two next to it, in units of the layer's
    range; infinite at both ends of an objective.

    Args:
        objectives: (candidates, objectives) of one layer.

    Returns:
        One number each; larger means less crowded.
    """
    count, width = objectives.shape
    total = np.zeros(count)
    for k in range(width):
        order = np.argsort(objectives[:, k], kind="stable")
        ordered = objectives[order, k]
        total[order[[0, -1]]] = np.inf
        span = ordered[-1] - ordered[0]
        if count > 2 and np.isfinite(span) and span > 0:
            total[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return total


def best_of(objectives: Floats, count: int) -> list[int]:
    """The candidates that survive: layer by layer, of the last layer the least crowded.

    Args:
        objectives: (candidates, objectives); larger is better.

    Returns:
        Places, the best layer first and in it the least crowded first.
    """
    chosen: list[int] = []
    for layer in fronts(objectives):
        order = np.argsort(-crowding(objectives[layer]), kind="stable")
        chosen += [int(place) for place in layer[order]]
        if len(chosen) >= count:
            break
    return chosen[:count]


FRONT = "front"
"""Name of the series that is 1 in the steps that list a front."""


def front_frame(finished: Sequence[Finished], truth: Truth | None) -> pd.DataFrame | None:
    """One row a network of a front, with what it costs and what the benchmark says of it.

    Returns:
        Columns search, run, architecture, the cost by its name, and the benchmark's columns; None
        where no search has a front.
    """
    parts = []
    for one in finished:
        for run, found in enumerate(one.trajectories):
            if FRONT not in found.series:
                continue
            places = np.flatnonzero(found.series[FRONT] == 1)
            texts = [found.incumbents[place] for place in places]
            costs = {k: v[places] for k, v in found.series.items() if k != FRONT}
            columns = {} if truth is None else _values(truth, texts)
            parts.append(
                pd.DataFrame(
                    {
                        "search": one.label,
                        "run": run,
                        "architecture": texts,
                        **costs,
                        **columns,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else None


def _values(truth: Truth, texts: list[str]) -> dict[str, object]:
    return {
        f"{one.target.dataset} {one.target.metric}": truth.values(place, texts)
        for place, one in enumerate(truth.columns)
    }
