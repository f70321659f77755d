"""From runs of searches to their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.evaluators.logged import logged, prunings
from untrained.harness.search.experiment.equal_cost import equal_costs, random_ranks
from untrained.harness.search.experiment.landscape import landscape_of
from untrained.harness.search.experiment.published_rows import published_rows
from untrained.harness.search.experiment.runs import Finished
from untrained.harness.search.experiment.study import NamedSearchStudy, OneSearch
from untrained.harness.search.problem import METRICS
from untrained.results.searches.runs import Curve, Summary, anytime, first_reaching, summarise
from untrained.results.searches.speed import SpeedUp, Trajectory, speed_up
from untrained.results.searches.table import SearchRow, SearchTable, best_of_n

NEAR = 0.99
"""Fraction of the optimum that counts as having found it."""
_GRID = 200


def search_table(
    named: NamedSearchStudy, finished: Sequence[Finished], truth: Truth | None, dataset: str
) -> SearchTable:
    """The table of a study, with the rules that searches are compared with.

    Args:
        truth: where answers are looked up; None: nowhere.
    """
    study = named.study
    main = -1 if truth is None else truth.main(dataset)
    rows = [_row(one, truth, main) for one in finished]
    if truth is not None and (known := truth.table()) is not None and len(known):
        sizes = {round(n.mean) for row in rows if (n := row.evaluations) and n.q05 == n.q95}
        rows += _rules(truth, known, sorted(sizes - {1}))
    compared = truth if main >= 0 else None
    return SearchTable(
        title=named.title,
        space=study.space,
        dataset=dataset,
        benchmark="" if truth is None else truth.benchmark.provenance.describe(),
        sha256="" if truth is None else truth.benchmark.provenance.sha256,
        command=named.command,
        seed=study.seed,
        columns=() if truth is None else tuple(one.column for one in truth.columns),
        main=main,
        rows=tuple(rows),
        published=() if truth is None else tuple(published_rows(rows, finished, truth, dataset)),
        notes=_notes(truth, main),
        speed_ups=() if compared is None else _speed_ups(finished, compared, main),
        equal_costs=() if compared is None else equal_costs(study, finished, compared, main),
        ranks=None
        if compared is None
        else random_ranks(study.space, study.seed, finished, compared, main),
        landscape=landscape_of(study, finished, truth, main),
        logged=logged(finished, truth, main),
        prunings=prunings(finished),
    )


def _speed_ups(finished: Sequence[Finished], truth: Truth, main: int) -> tuple[SpeedUp, ...]:
    """Every search that is to be compared with another, in the column that counts."""
    by_label = {one.label: one for one in finished}
    found = []
    for one in finished:
        other = by_label.get(one.one.against or "")
        if other is None or not (one.opened.cost_is_known and other.opened.cost_is_known):
            continue
        pair = (one.trajectories, other.trajectories)
        costs = [[run.cost_s for run in runs] for runs in pair]
        values = [[truth.values(main, run.incumbents) for run in runs] for runs in pair]
        result = speed_up(
            (one.label, other.label),
            (costs[0], costs[1]),
            (values[0], values[1]),
            higher_is_better=truth.columns[main].column.higher_is_better,
        )
        found += [] if result is None else [result]
    return tuple(found)


def _row(one: Finished, truth: Truth | None, main: int) -> SearchRow:
    runs = one.trajectories
    values: tuple[Summary, ...] = ()
    curve: Curve | None = None
    reaching: Summary | None = None
    if truth is not None:
        finals = [run.final for run in runs]
        values = tuple(summarise(truth.values(i, finals)) for i in range(len(truth.columns)))
        if main >= 0:
            column = truth.columns[main].column
            sign = 1.0 if column.higher_is_better else -1.0
            found = [truth.values(main, run.incumbents) for run in runs]
            curve = _curve(runs, found)
            if not np.isnan(column.optimum):
                # of a loss, 1 % above the least; of an accuracy, 1 % below the greatest
                near = column.optimum - sign * (1 - NEAR) * abs(column.optimum)
                reaching = summarise(
                    [
                        first_reaching(run.evaluations, sign * these, sign * near)
                        for run, these in zip(runs, found, strict=True)
                    ]
                )
    return SearchRow(
        label=one.label,
        searcher=one.opened.searcher.name,
        values=values,
        evaluations=summarise([run.num_evaluations for run in runs]),
        cost_s=summarise([run.total_s for run in runs]),
        reaching=reaching,
        budget=_budget(one.one),
        settings=_settings(one.opened.searcher.settings(one.one.settings)),
        facts=(*one.opened.facts, *_devices(runs)),
        curve=curve,
        cost_is_known=one.opened.cost_is_known,
    )


def _devices(runs: Sequence[Trajectory]) -> list[str]:
    found = dict.fromkeys(run.measured_on for run in runs if run.measured_on)
    return [f"seconds were measured on {'; '.join(found)}"] if found else []


def _curve(runs: Sequence[Trajectory], found: Sequence[NDArray[np.float64]]) -> Curve | None:
    """By cost, from the first step of the fastest run to the end of the slowest."""
    ends = [run.cost_s[-1] for run in runs]
    starts = [run.cost_s[0] for run in runs]
    if not max(ends) > min(starts) > 0:
        return None
    grid = np.geomspace(min(starts), max(ends), _GRID)
    # the ends are exact: rounding must not put them before the first or after the last step
    grid[0], grid[-1] = min(starts), max(ends)
    return anytime([run.cost_s for run in runs], found, grid)


def _rules(truth: Truth, known: pd.DataFrame, sizes: Sequence[int]) -> list[SearchRow]:
    """Drawing one network, and the best of N by each column itself or by validation accuracy."""
    own = list(range(len(truth.columns)))
    valid = {
        one.target.dataset: i
        for i, one in reversed(list(enumerate(truth.columns)))
        if one.target.metric in METRICS
    }
    by_validation = [valid.get(one.target.dataset) for one in truth.columns]
    rows = [
        _rule(
            "random network",
            "every network is as likely",
            truth=truth,
            known=known,
            deciding=own,
            n=1,
        )
    ]
    for n in sizes:
        rows.append(
            _rule(
                f"best of {n:,}",
                "an oracle: the best of as many draws by the very column that is reported",
                truth=truth,
                known=known,
                deciding=own,
                n=n,
            )
        )
        if valid:
            rows.append(
                _rule(
                    f"best of {n:,} by validation",
                    "the best of as many draws by validation accuracy after the longest training, "
                    "on each dataset its own",
                    truth=truth,
                    known=known,
                    deciding=by_validation,
                    n=n,
                )
            )
    return rows


def _rule(
    label: str,
    text: str,
    *,
    truth: Truth,
    known: pd.DataFrame,
    deciding: Sequence[int | None],
    n: int,
) -> SearchRow:
    """The exact mean and spread of the best of N; `deciding` is the column that chooses."""
    nan = float("nan")
    values = []
    for i, decides in enumerate(deciding):
        if decides is None:
            values.append(summarise([]))
            continue
        criterion = known[decides].to_numpy(dtype=np.float64)
        if not truth.columns[decides].column.higher_is_better:
            criterion = -criterion
        mean, sd = best_of_n(criterion, known[i].to_numpy(dtype=np.float64), n)
        values.append(Summary(0, 0, mean, sd, nan, nan, nan, nan, nan))
    return SearchRow(label=label, searcher="", values=tuple(values), settings=f"exact: {text}")


def _notes(truth: Truth | None, main: int) -> tuple[str, ...]:
    notes = [
        "searches see scores and validation accuracies; what else is in this table was looked up "
        "after they had ended",
        "mean and standard deviation over runs; the standard deviation of a rule is that of one "
        "run",
    ]
    if truth is not None and main >= 0 and not np.isnan(truth.columns[main].column.optimum):
        label = truth.columns[main].column.label
        notes.append(
            f"distance and evaluations to {100 * NEAR:.0f} % of the optimum are about {label}"
        )
    if truth is not None and (truth.benchmark.kind == "surrogate"):
        notes.append("accuracies are PREDICTED by a surrogate")
    return tuple(notes)


def _budget(one: OneSearch) -> str:
    parts = [f"{one.seconds:,g} s"] if one.seconds is not None else []
    parts += [f"{one.evaluations:,} evaluations"] if one.evaluations is not None else []
    return ", ".join(parts)


def _settings(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())
