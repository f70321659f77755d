"""Published values of the searches and rules in a table."""

from __future__ import annotations

from collections.abc import Sequence

from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.experiment.runs import Finished
from untrained.harness.search.experiment.study import OneSearch
from untrained.results.searches.table import (
    SEARCHED_FOR,
    PublishedSearch,
    PublishedSearchComparison,
    SearchRow,
    published_searches,
)


def published_rows(
    rows: Sequence[SearchRow], finished: Sequence[Finished], truth: Truth, dataset: str
) -> list[PublishedSearchComparison]:
    """Searches that the literature has too; then the rules, if it has any of the searches."""
    by_label = {row.label: row for row in rows}
    searches = {one.label: one.one for one in finished}
    places = {(c.target.dataset, c.target.metric): i for i, c in enumerate(truth.columns)}
    found: list[PublishedSearchComparison] = []
    rules: list[PublishedSearchComparison] = []
    for cell in published_searches():
        row = by_label.get(cell.method)
        place = places.get((cell.dataset, cell.metric))
        if row is None or place is None or cell.space != truth.benchmark.space:
            continue
        search = searches.get(cell.method)
        if search is not None and not is_comparable(search, cell, dataset):
            continue
        value = row.values[place]
        error = value.standard_error if row.searcher else 0.0
        compared = PublishedSearchComparison(cell, value.mean, value.sd, value.n, error)
        (found if row.searcher else rules).append(compared)
    return [*found, *rules] if found else []


def is_comparable(one: OneSearch, cell: PublishedSearch, dataset: str) -> bool:
    """Whether a search of a published label had the same task: dataset, budget and no limits."""
    is_whole = not one.limits and not one.confined and one.evaluations is None
    return is_whole and one.seconds == cell.seconds and dataset == SEARCHED_FOR
