"""The tables of a report on searches."""

from __future__ import annotations

import math

from untrained.reports.tables.grid import (
    Cell,
    Grid,
    GridColumn,
    number,
    paired,
    whole_number,
    words,
)
from untrained.reports.tables.numbers import MISSING, decimal
from untrained.results.searches.comparison import RandomRanks
from untrained.results.searches.runs import Summary
from untrained.results.searches.table import Column, SearchRow, SearchTable

_NAME = GridColumn("search", "search", kind="text")


def found_grid(table: SearchTable) -> Grid:
    """One row a search or rule: mean and standard deviation in every column of ground truth."""
    columns = (
        _NAME,
        GridColumn("runs", "runs"),
        GridColumn("evaluations", "evaluations"),
        GridColumn("cost_s", "cost s"),
        *(
            GridColumn(
                f"{one.dataset}_{one.metric}".replace("-", "_"), heading(one), interval=False
            )
            for one in table.columns
        ),
    )
    rows = tuple(
        (
            words(row.label),
            whole_number(row.evaluations.n) if row.evaluations else Cell("exact", None),
            _mean(row.evaluations),
            _cost(row),
            *map(_spread, row.values),
        )
        for row in table.rows
    )
    return paired("found", columns, rows)


def distance_grid(table: SearchTable) -> Grid:
    """How far answers are from the optimum and how soon searches come near it, where it is known.

    Where it is not, quantiles over the runs are left.
    """
    column = table.columns[table.main]
    sign = 1.0 if column.higher_is_better else -1.0
    columns = [
        _NAME,
        GridColumn("distance", "distance to the optimum"),
        GridColumn("q05", "5 %"),
        GridColumn("median", "median"),
        GridColumn("q95", "95 %"),
        GridColumn("near", "runs that came to 99 % of it"),
        GridColumn("evaluations_near", "evaluations until then, median"),
    ]
    rows = []
    for row in table.rows:
        value = row.values[table.main]
        found = row.reaching
        near = Cell("", None) if found is None else Cell(_share(found), found.n)
        until = Cell("", None) if found is None else number(found.median, 0)
        rows.append(
            [
                words(row.label),
                number(sign * (column.optimum - value.mean), 2),
                number(value.q05, 2),
                number(value.median, 2),
                number(value.q95, 2),
                near,
                until,
            ]
        )
    if math.isnan(column.optimum):
        quantiles = {"search", "q05", "median", "q95"}
        kept = [place for place, one in enumerate(columns) if one.name in quantiles]
        columns = [columns[place] for place in kept]
        rows = [[row[place] for place in kept] for row in rows]
    return paired("distance", tuple(columns), tuple(map(tuple, rows)))


def equal_cost_grid(table: SearchTable) -> Grid:
    """Every search beside random search that costs as much."""
    columns = (
        _NAME,
        GridColumn("found", "found"),
        GridColumn("cost_s", "cost s"),
        GridColumn("n", "random networks for it"),
        GridColumn("random", "best of these"),
        GridColumn("difference", "difference"),
        GridColumn("standard_errors", "in standard errors"),
        GridColumn("criterion", "which is best by", kind="text"),
    )
    rows = tuple(
        (
            words(one.search),
            _spread(one.found),
            Cell(cost_text(one.cost_s), one.cost_s),
            whole_number(one.n),
            Cell(f"{decimal(one.mean, 2)} ± {decimal(one.sd, 2)}", one.mean),
            number(one.difference, 2, sign=True),
            number(one.standard_errors, 1, sign=True),
            words(f"{one.criterion} ({'simulated' if one.simulated else 'exact'})"),
        )
        for one in table.equal_costs
    )
    return paired("equal-cost", columns, rows)


def speed_grid(table: SearchTable) -> Grid:
    """How much sooner searches are as good as others."""
    columns = (
        _NAME,
        GridColumn("against", "against", kind="text"),
        GridColumn("final", "final median"),
        GridColumn("final_against", "of the other"),
        GridColumn("target", "both reach"),
        GridColumn("cost_s", "after s"),
        GridColumn("cost_against_s", "the other after s"),
        GridColumn("ratio", "times faster"),
        GridColumn("interval", "95 % interval", kind="text"),
    )
    rows = tuple(
        (
            words(one.search),
            words(one.against),
            number(one.final, 2),
            number(one.final_against, 2),
            number(one.target, 2),
            Cell(cost_text(one.cost_s), one.cost_s),
            Cell(cost_text(one.cost_against_s), one.cost_against_s),
            Cell(_times(one.ratio), one.ratio),
            words(f"{_times(one.low)} to {_times(one.high)}"),
        )
        for one in table.speed_ups
    )
    return paired("speed", columns, rows)


def ranks_grid(ranks: RandomRanks) -> Grid:
    """Every answer with its rank among random networks."""
    columns = (
        _NAME,
        GridColumn("run", "run"),
        GridColumn("value", "predicted accuracy"),
        GridColumn("rank", f"rank among {ranks.random.n:,} random networks"),
        GridColumn("genotype", "genotype", kind="text", code=True),
    )
    rows = tuple(
        (
            words(one.search),
            whole_number(one.run),
            number(one.value, 2),
            whole_number(one.rank or None),
            words(one.genotype or one.architecture),
        )
        for one in ranks.answers
    )
    return paired("ranks", columns, rows)


def published_grid(table: SearchTable) -> Grid:
    """Published means beside ours, and the difference in standard errors."""
    columns = (
        _NAME,
        GridColumn("on", "on", kind="text"),
        GridColumn("published", "published"),
        GridColumn("ours", "ours"),
        GridColumn("difference", "difference"),
        GridColumn("standard_errors", "in standard errors"),
        GridColumn("source", "source", kind="text"),
    )
    rows = tuple(
        (
            words(one.published.method),
            words(f"{one.published.dataset} {one.published.metric.replace('_', ' ')}"),
            Cell(f"{one.published.mean:.2f} ± {one.published.sd:.2f}", one.published.mean),
            Cell(f"{decimal(one.mean, 2)} ± {decimal(one.sd, 2)}", one.mean),
            number(one.difference, 2, sign=True),
            number(one.standard_errors, 1, sign=True),
            words(one.published.source),
        )
        for one in table.published
    )
    return paired("published", columns, rows)


def settings_grid(table: SearchTable) -> Grid:
    """What each search is."""
    columns = (
        _NAME,
        GridColumn("settings", "settings", kind="text"),
        GridColumn("budget", "budget", kind="text"),
    )
    rows = tuple((words(row.label), words(row.settings), words(row.budget)) for row in table.rows)
    return paired("settings", columns, rows)


def texts_of(grid: Grid) -> list[dict[str, str]]:
    """The rows as they are printed, under their headings."""
    return [
        {column.heading: cell.whole for column, cell in zip(grid.columns, row, strict=True)}
        for row in grid.rows
    ]


def heading(column: Column) -> str:
    """Dataset and metric in words."""
    return f"{column.dataset} {column.metric.replace('_', ' ')}"


def cost_text(seconds: float) -> str:
    """Seconds with three figures, or whole ones.

    >>> cost_text(11932.7), cost_text(4.561)
    ('11,933', '4.56')
    """
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def _spread(value: Summary) -> Cell:
    if math.isnan(value.mean):
        return Cell(MISSING, None)
    text = decimal(value.mean, 2)
    return Cell(text if math.isnan(value.sd) else f"{text} ± {value.sd:.2f}", value.mean)


def _mean(value: Summary | None) -> Cell:
    if value is None:
        return Cell("", None)
    return Cell(f"{value.mean:,.1f}".removesuffix(".0"), value.mean)


def _share(found: Summary) -> str:
    return f"{found.n:,} of {found.n + found.missing:,}"


def _times(ratio: float) -> str:
    if not math.isfinite(ratio):
        return MISSING
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _cost(row: SearchRow) -> Cell:
    if row.cost_s is None:
        return Cell("", None)
    if not row.cost_is_known:
        return Cell("not known", None)
    return Cell(cost_text(row.cost_s.mean), row.cost_s.mean)
