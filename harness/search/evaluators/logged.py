"""From what searches logged to curves over evaluations and to rounds of pruning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.experiment.runs import Finished
from untrained.results.searches.landscape import Logged, Pruning
from untrained.results.searches.runs import anytime

_GRID = 200
_ROUNDS = "operations"
"""The series that a search over a supernet has: how many operations are left."""
_PAIR = ("linear_regions", "ntk_condition")
"""x and y of the plot of pruning rounds, as in the TE-NAS paper's Figure 5."""


def logged(finished: Sequence[Finished], truth: Truth | None, main: int) -> tuple[Logged, ...]:
    """The series of every search that logs the scores of incumbents, and the incumbents' truth.

    Args:
        main: column of their accuracy; -1: none.
    """
    found = []
    for one in finished:
        runs = one.trajectories
        names = [
            name
            for name in runs[0].series
            if name != "is_likeliest" and not all(np.isnan(run.series[name]).all() for run in runs)
        ]
        if not names or _ROUNDS in names or one.opened.estimator is None:
            continue
        # scores of infinite badness have no mean
        series = {
            name: [np.where(np.isinf(run.series[name]), np.nan, run.series[name]) for run in runs]
            for name in sorted(names, key=_order(one))
        }
        if truth is not None and main >= 0:
            column = truth.columns[main].column
            label = f"{column.dataset} {column.metric.replace('_', ' ')}"
            series[label] = [truth.values(main, run.incumbents) for run in runs]
        numbers = [run.evaluations.astype(np.float64) for run in runs]
        grid = np.linspace(min(run[0] for run in numbers), max(run[-1] for run in numbers), _GRID)
        curves = {name: anytime(numbers, values, grid) for name, values in series.items()}
        found.append(Logged(one.label, curves))
    return tuple(found)


def prunings(finished: Sequence[Finished]) -> tuple[Pruning, ...]:
    """Condition number against linear regions of the supernets that searches pruned."""
    x_name, y_name = _PAIR
    return tuple(
        Pruning(
            one.label,
            x_name,
            y_name,
            tuple(
                np.column_stack([run.series[x_name], run.series[y_name]])
                for run in one.trajectories
            ),
        )
        for one in finished
        if all({*_PAIR, _ROUNDS} <= set(run.series) for run in one.trajectories)
    )


def _order(one: Finished):  # type: ignore[no-untyped-def]
    """The estimator's indicators first, in its order; the rest by name."""
    estimator = one.opened.estimator
    assert estimator is not None, "only searches by scores are shown"
    place = {name: i for i, name in enumerate(estimator.indicators)}
    return lambda name: (place.get(name, len(place)), name)
