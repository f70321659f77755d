"""The table of a search study: rows, rules, published values and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.harness.search.evaluators.evaluator import VALIDATION_METRICS
from untrained.harness.search.experiment.equal_cost import equal_costs, random_ranks
from untrained.harness.search.experiment.figures import landscape_of, logged, prunings
from untrained.harness.search.experiment.run import GroundTruth, SearchRuns
from untrained.harness.search.experiment.study import NamedSearchStudy
from untrained.harness.study.search_study import SearchSpec
from untrained.results.searches.pools import PoolSpread, pool_spread
from untrained.results.searches.runs import Curve, Summary, anytime, first_reaching, summarise
from untrained.results.searches.speed import SpeedUp, Trajectory, speed_ups
from untrained.results.searches.table import (
    Column,
    PublishedSearch,
    PublishedSearchComparison,
    SearchRow,
    SearchTable,
    best_of_n,
    published_searches,
)

NEAR = 0.99
"""Fraction of the optimum that counts as reaching it."""
LEVELS = (0.97, 0.98, NEAR, 0.995)
"""Fractions of the optimum to which the times of two searches are compared."""
_GRID = 200


def search_table(
    named: NamedSearchStudy, searches: Sequence[SearchRuns], truth: GroundTruth | None, dataset: str
) -> SearchTable:
    """Make the table of a study, with the rules that searches are compared with."""
    study = named.study
    searches = [search.answers() for search in searches]
    main = -1 if truth is None else truth.main(dataset)
    rows = [_row(search, truth, main) for search in searches]
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
        published=() if truth is None else _published_rows(rows, searches, truth, dataset),
        notes=_notes(searches, truth, main),
        speed_ups=() if compared is None else _speed_ups(searches, compared, main),
        equal_costs=() if compared is None else equal_costs(study, searches, compared, main),
        ranks=None
        if compared is None
        else random_ranks(study.space, study.seed, searches, compared, main),
        landscape=landscape_of(study, searches, truth, main),
        logged=logged(searches, truth, main),
        prunings=prunings(searches),
    )


def _published_rows(
    rows: Sequence[SearchRow], searches: Sequence[SearchRuns], truth: GroundTruth, dataset: str
) -> tuple[PublishedSearchComparison, ...]:
    """Compare with published values: the searches, then the rules if there is any search."""
    by_label = {row.label: row for row in rows}
    specs = {search.label: search.prepared.spec for search in searches}
    places = {(c.target.dataset, c.target.metric): i for i, c in enumerate(truth.columns)}
    compared: list[PublishedSearchComparison] = []
    rules: list[PublishedSearchComparison] = []
    for cell in published_searches():
        row = by_label.get(cell.method)
        place = places.get((cell.dataset, cell.metric))
        if row is None or place is None or cell.space != truth.benchmark.space:
            continue
        spec = specs.get(cell.method)
        if spec is not None and not is_comparable(spec, cell, dataset):
            continue
        value = row.values[place]
        error = value.standard_error if row.searcher else 0.0
        if row.spreads:
            error = row.spreads[place].standard_error
        comparison = PublishedSearchComparison(cell, value.mean, value.sd, value.n, error)
        (compared if row.searcher else rules).append(comparison)
    return (*compared, *rules) if compared else ()


def is_comparable(spec: SearchSpec, cell: PublishedSearch, dataset: str) -> bool:
    """Tell whether a search has the dataset and the budget of a published one, and no limits."""
    is_whole = not spec.limits and not spec.confined and spec.evaluations is None
    return is_whole and spec.seconds == cell.seconds and dataset == cell.searched_for


def _speed_ups(
    searches: Sequence[SearchRuns], truth: GroundTruth, main: int
) -> tuple[SpeedUp, ...]:
    """Compare each search with the one that its study names under `against`."""
    by_label = {search.label: search for search in searches}
    column = truth.columns[main].column
    if np.isnan(column.optimum):
        return ()
    levels = {share: _near(column, share) for share in LEVELS}
    found: list[SpeedUp] = []
    for search in searches:
        other = by_label.get(search.prepared.spec.against or "")
        if other is None or not (search.prepared.cost_is_known and other.prepared.cost_is_known):
            continue
        pair = (search.trajectories, other.trajectories)
        costs = [[run.cost_s for run in runs] for runs in pair]
        values = [[truth.values(main, run.incumbents) for run in runs] for runs in pair]
        found += speed_ups(
            (search.label, other.label),
            (costs[0], costs[1]),
            (values[0], values[1]),
            levels,
            higher_is_better=column.higher_is_better,
            pools=(_number(search), _number(other)),
        )
    return tuple(found)


def _number(search: SearchRuns) -> int:
    return search.prepared.pools.number if search.prepared.pools else 0


def _near(column: Column, share: float) -> float:
    """Compute what is near the optimum: of a loss above the least, of an accuracy below the best.

    A share of 0.99 is 1 % of the optimum away.
    """
    sign = 1.0 if column.higher_is_better else -1.0
    return column.optimum - sign * (1 - share) * abs(column.optimum)


def _row(search: SearchRuns, truth: GroundTruth | None, main: int) -> SearchRow:
    runs = search.trajectories
    values: tuple[Summary, ...] = ()
    spreads: tuple[PoolSpread, ...] = ()
    pools = search.prepared.pools
    curve: Curve | None = None
    reaching: Summary | None = None
    if truth is not None:
        finals = [run.final for run in runs]
        found_values = [truth.values(i, finals) for i in range(len(truth.columns))]
        values = tuple(map(summarise, found_values))
        if pools is not None:
            spreads = tuple(pool_spread(one, pools) for one in found_values)
        if main >= 0:
            column = truth.columns[main].column
            sign = 1.0 if column.higher_is_better else -1.0
            found = [truth.values(main, run.incumbents) for run in runs]
            curve = _curve(runs, found)
            if not np.isnan(column.optimum):
                near = _near(column, NEAR)
                reaching = summarise(
                    [
                        first_reaching(run.evaluations, sign * these, sign * near)
                        for run, these in zip(runs, found, strict=True)
                    ]
                )
    return SearchRow(
        label=search.label,
        searcher=search.prepared.searcher.name,
        values=values,
        evaluations=summarise([run.num_evaluations for run in runs]),
        cost_s=summarise([run.total_s for run in runs]),
        distinct=len({run.final for run in runs}),
        reaching=reaching,
        budget=_budget(search.prepared.spec),
        settings=", ".join(f"{name} = {v}" for name, v in search.prepared.settings.items()),
        facts=(*search.prepared.facts, *_devices(runs)),
        curve=curve,
        cost_is_known=search.prepared.cost_is_known,
        pools=pools,
        spreads=spreads,
    )


def _devices(runs: Sequence[Trajectory]) -> list[str]:
    found = dict.fromkeys(run.measured_on for run in runs if run.measured_on)
    return [f"seconds were measured on {'; '.join(found)}"] if found else []


def _curve(runs: Sequence[Trajectory], found: Sequence[NDArray[np.float64]]) -> Curve | None:
    """Draw the curve by cost, from the first step of the fastest run to the end of the slowest."""
    ends = [run.cost_s[-1] for run in runs]
    starts = [run.cost_s[0] for run in runs]
    if not max(ends) > min(starts) > 0:
        return None
    grid = np.geomspace(min(starts), max(ends), _GRID)
    # the ends are exact: rounding must not put them before the first or after the last step
    grid[0], grid[-1] = min(starts), max(ends)
    return anytime([run.cost_s for run in runs], found, grid)


def _rules(truth: GroundTruth, known: pd.DataFrame, sizes: Sequence[int]) -> list[SearchRow]:
    """Make the rows of one random network, and of the best of N by each column or by validation."""
    own = list(range(len(truth.columns)))
    valid = {
        one.target.dataset: i
        for i, one in reversed(list(enumerate(truth.columns)))
        if one.target.metric in VALIDATION_METRICS
    }
    by_validation = [valid.get(one.target.dataset) for one in truth.columns]
    oracle = "an oracle: the best of as many draws by the very column that is reported"
    best = (
        "the best of as many draws by validation accuracy after the longest training, on each "
        "dataset its own"
    )
    rules = [("random network", "every network is as likely", _best_of(truth, known, own, 1))]
    for n in sizes:
        rules.append((f"best of {n:,}", oracle, _best_of(truth, known, own, n)))
        if valid:
            values = _best_of(truth, known, by_validation, n)
            rules.append((f"best of {n:,} by validation", best, values))
    return [
        SearchRow(label=label, searcher="", values=values, settings=f"exact: {text}")
        for label, text, values in rules
    ]


def _best_of(
    truth: GroundTruth, known: pd.DataFrame, criteria: Sequence[int | None], n: int
) -> tuple[Summary, ...]:
    """Compute the exact mean and spread of the best of n in every column.

    Args:
        criteria: for each column, the column that chooses; None: there is none.
    """
    nan = float("nan")
    values = []
    for i, chooses in enumerate(criteria):
        if chooses is None:
            values.append(summarise([]))
            continue
        sign = 1.0 if truth.columns[chooses].column.higher_is_better else -1.0
        criterion = sign * known[chooses].to_numpy(dtype=np.float64)
        mean, sd = best_of_n(criterion, known[i].to_numpy(dtype=np.float64), n)
        values.append(Summary(0, 0, mean, sd, nan, nan, nan, nan, nan))
    return tuple(values)


def _notes(searches: Sequence[SearchRuns], truth: GroundTruth | None, main: int) -> tuple[str, ...]:
    named = {name for one in searches for name in one.prepared.metrics_seen}
    seen = "searches see scores and validation accuracies"
    if named:
        seen += f", and of every network the objectives that they name ({', '.join(sorted(named))})"
    pooled = any(search.prepared.pools for search in searches)
    notes = [
        f"{seen}; what else is in this table was looked up after they had ended",
        "mean and standard deviation over runs; the standard deviation of a rule is that of one "
        "run",
    ]
    if pooled:
        notes.append(
            "where runs are divided over pools, the standard error of the mean by pools is in "
            "parentheses"
        )
    if truth is not None and main >= 0 and not np.isnan(truth.columns[main].column.optimum):
        label = truth.columns[main].column.label
        notes.append(
            f"distance and evaluations to {100 * NEAR:.0f} % of the optimum are about {label}"
        )
    if truth is not None and (truth.benchmark.kind == "surrogate"):
        notes.append("accuracies are PREDICTED by a surrogate")
    return tuple(notes)


def _budget(spec: SearchSpec) -> str:
    parts = [f"{spec.seconds:,g} s"] if spec.seconds is not None else []
    parts += [f"{spec.evaluations:,} evaluations"] if spec.evaluations is not None else []
    return ", ".join(parts)
