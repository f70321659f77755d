"""The tables of a report on searches."""

from __future__ import annotations

import math
from functools import partial

from untrained.reports.tables.grid import Cell, Column, Grid
from untrained.reports.tables.numbers import MISSING, decimal
from untrained.results.searches.comparison import RandomRanks
from untrained.results.searches.pools import PoolSpread
from untrained.results.searches.table import Column as TruthColumn
from untrained.results.searches.table import SearchRow, SearchTable


def found_grid(table: SearchTable) -> Grid:
    """Tabulate mean and standard deviation of each search or rule in every ground truth."""
    columns = (
        _LABEL,
        Column("runs", "runs", lambda row: row.evaluations.n if row.evaluations else Cell("exact")),
        Column("evaluations", "evaluations", _evaluations),
        Column("cost_s", "cost s", _cost),
        *(
            Column(
                f"{one.dataset}_{one.metric}".replace("-", "_"),
                heading(one),
                partial(_value, place),
            )
            for place, one in enumerate(table.columns)
        ),
    )
    return Grid("found", columns, table.rows)


def distance_grid(table: SearchTable) -> Grid:
    """Tabulate the distance of answers to a known optimum, and how soon searches come near it.

    Where it is not, quantiles over the runs are left.
    """
    main = table.columns[table.main]
    sign = 1.0 if main.higher_is_better else -1.0
    known = not math.isnan(main.optimum)
    distance = Column(
        "distance",
        "distance to the optimum",
        lambda row: sign * (main.optimum - row.values[table.main].mean),
        places=2,
    )
    near = (
        Column("near", "runs that came to 99 % of it", _near),
        Column(
            "evaluations_near",
            "evaluations until then, median",
            lambda row: row.reaching.median if row.reaching else Cell(""),
            places=0,
        ),
    )
    columns = (
        _LABEL,
        *([distance] if known else ()),
        Column("q05", "5 %", lambda row: row.values[table.main].q05, places=2),
        Column("median", "median", lambda row: row.values[table.main].median, places=2),
        Column("q95", "95 %", lambda row: row.values[table.main].q95, places=2),
        *(near if known else ()),
        Column("distinct", "distinct answers", lambda row: row.distinct or Cell("")),
    )
    return Grid("distance", columns, table.rows)


def pools_grid(table: SearchTable) -> Grid:
    """Tabulate, for searches on pools, the spread between pools and within, and both errors."""

    def spread(row: SearchRow) -> PoolSpread:
        return row.spreads[table.main]

    def interval(row: SearchRow, *, wider: bool) -> str:
        found = spread(row)
        half = found.half_width(wider=wider)
        if math.isnan(half):
            return MISSING
        return f"{decimal(found.mean - half, 2)} to {decimal(found.mean + half, 2)}"

    columns = (
        _LABEL,
        Column("pools", "pools", lambda row: spread(row).pools),
        Column("size", "networks in each", lambda row: row.pools.size),
        Column("drawn_from", "of", lambda row: row.pools.drawn_from),
        Column("runs", "runs", lambda row: spread(row).runs),
        Column("mean", "mean of the pools", lambda row: spread(row).mean, places=2),
        Column("between", "sd between pools", lambda row: spread(row).between, places=2),
        Column("within", "sd in a pool", lambda row: spread(row).within, places=2),
        Column("error", "standard error", lambda row: spread(row).standard_error, places=2),
        Column("interval", "95 %, these networks", partial(interval, wider=False), kind="text"),
        Column("wider", "95 %, other networks", partial(interval, wider=True), kind="text"),
    )
    return Grid("pools", columns, [row for row in table.rows if row.spreads])


def equal_cost_grid(table: SearchTable) -> Grid:
    """Tabulate every search beside random search of equal cost."""
    columns = (
        _SEARCH,
        Column("found", "found", lambda one: _spread(one.found.mean, one.found.sd)),
        Column("cost_s", "cost s", show=cost_text),
        Column("n", "random networks for it"),
        Column("random", "best of these", lambda one: _spread(one.mean, one.sd)),
        *_DIFFERENCE,
        Column(
            "criterion",
            "which is best by",
            lambda one: f"{one.criterion} ({'simulated' if one.simulated else 'exact'})",
            kind="text",
        ),
    )
    return Grid("equal-cost", columns, table.equal_costs)


def speed_grid(table: SearchTable) -> Grid:
    """Tabulate how much sooner searches reach fixed levels than others."""
    columns = (
        _SEARCH,
        Column("against", "against", kind="text"),
        Column("share", "of the optimum", show=lambda share: f"{100 * share:g} %"),
        Column("level", "level", places=2),
        Column("cost_s", "after s", lambda one: _seconds(one.cost_s)),
        Column("cost_against_s", "the other after s", lambda one: _seconds(one.cost_against_s)),
        Column("ratio", "times faster", show=_times),
        Column(
            "interval",
            "95 % interval",
            lambda one: "" if math.isnan(one.low) else f"{_times(one.low)} to {_times(one.high)}",
            kind="text",
        ),
    )
    return Grid("speed", columns, table.speed_ups)


def ranks_grid(ranks: RandomRanks) -> Grid:
    """Tabulate every answer with its rank among random networks."""
    columns = (
        _SEARCH,
        Column("run", "run"),
        Column("value", "predicted accuracy", places=2),
        Column(
            "rank",
            f"rank among {ranks.random.n:,} random networks",
            lambda one: one.rank or None,
        ),
        Column("genotype", "genotype", lambda one: one.genotype or one.architecture, kind="code"),
    )
    return Grid("ranks", columns, ranks.answers)


def published_grid(table: SearchTable) -> Grid:
    """Tabulate published means beside ours, and the difference in standard errors."""
    columns = (
        Column("search", "search", "published.method", kind="text"),
        Column(
            "on",
            "on",
            lambda one: f"{one.published.dataset} {one.published.metric.replace('_', ' ')}",
            kind="text",
        ),
        Column(
            "published",
            "published",
            lambda one: _spread(one.published.mean, one.published.sd),
        ),
        Column("ours", "ours", lambda one: _spread(one.mean, one.sd)),
        *_DIFFERENCE,
        Column("source", "source", "published.source", kind="text"),
    )
    return Grid("published", columns, table.published)


def settings_grid(table: SearchTable) -> Grid:
    """Tabulate settings and budget of each search."""
    columns = (
        _LABEL,
        Column("settings", "settings", kind="text"),
        Column("budget", "budget", kind="text"),
    )
    return Grid("settings", columns, table.rows)


_LABEL = Column("search", "search", "label", kind="text")
_SEARCH = Column("search", "search", kind="text")
_DIFFERENCE = (
    Column("difference", "difference", places=2, sign=True),
    Column("standard_errors", "in standard errors", places=1, sign=True),
)


def heading(column: TruthColumn) -> str:
    """Write dataset and metric in words."""
    return f"{column.dataset} {column.metric.replace('_', ' ')}"


def cost_text(seconds: float) -> str:
    """Format seconds with three figures, or as whole seconds.

    >>> cost_text(11932.7), cost_text(4.561)
    ('11,933', '4.56')
    """
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def _spread(mean: float, sd: float) -> Cell:
    if math.isnan(mean):
        return Cell(MISSING)
    text = decimal(mean, 2)
    return Cell(text if math.isnan(sd) else f"{text} ± {sd:.2f}", mean)


def _value(place: int, row: SearchRow) -> Cell:
    cell = _spread(row.values[place].mean, row.values[place].sd)
    if not row.spreads or math.isnan(row.spreads[place].standard_error):
        return cell
    return Cell(f"{cell.text} ({row.spreads[place].standard_error:.2f})", cell.value)


def _evaluations(row: SearchRow) -> Cell:
    if row.evaluations is None:
        return Cell("")
    mean = row.evaluations.mean
    return Cell(f"{mean:,.1f}".removesuffix(".0"), mean)


def _near(row: SearchRow) -> Cell:
    found = row.reaching
    return Cell(f"{found.n:,} of {found.n + found.missing:,}", found.n) if found else Cell("")


def _seconds(seconds: float) -> Cell:
    return Cell("never") if math.isnan(seconds) else Cell(cost_text(seconds), seconds)


def _times(ratio: float) -> str:
    if math.isinf(ratio):
        return "∞"
    if math.isnan(ratio):
        return MISSING
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _cost(row: SearchRow) -> Cell:
    if row.cost_s is None:
        return Cell("")
    if not row.cost_is_known:
        return Cell("not known")
    return Cell(cost_text(row.cost_s.mean), row.cost_s.mean)
