"""Reports on searches, for networks and for tasks, and their documents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.figures.searches import (
    anytime_figure,
    landscape_figure,
    logged_figure,
    pruning_figure,
)
from untrained.reports.formats import html, markdown
from untrained.reports.formats.formats import Content
from untrained.reports.formats.json_document import fields, json_text
from untrained.reports.pages.report import Report
from untrained.reports.tables.grid import Cell, Column, Grid
from untrained.reports.tables.numbers import MISSING, decimal
from untrained.results.searches.comparison import RandomRanks
from untrained.results.searches.pools import PoolSpread
from untrained.results.searches.runs import Landscape
from untrained.results.searches.table import SearchRow, SearchTable, TaskSearchTable, heading


def search_report(table: SearchTable, *, version: str = "") -> Report:
    """Make the report of some searches."""
    return Report(
        title=table.title,
        sections=(),
        summary="\n\n".join(search_facts(table)),
        version=version,
        parts=(*_results(table), *_pictures(table), _settings(table)),
    )


def search_grids(table: SearchTable) -> list[Grid]:
    """List the tables of results, without that of the settings."""
    return [part.grid for part in _results(table) if part.grid]


def search_facts(table: SearchTable) -> list[str]:
    """List space, data set, seed, truth and command of a table."""
    facts = [f"Search space: {table.space}. Searched for: {table.dataset}. Seed: {table.seed}."]
    if table.benchmark:
        facts.append(f"Truth: {table.benchmark}.")
    pools = sorted(
        {row.pools for row in table.rows if row.pools}, key=lambda one: (one.number, one.size)
    )
    if pools:
        drawn = "; ".join(
            f"{one.number} of {one.size:,} networks each, drawn from {one.drawn_from:,} that have "
            "scores"
            for one in pools
        )
        facts.append(f"Pools: {drawn}.")
    return [*facts, f"Regenerate: {table.command}"]


def _results(table: SearchTable) -> Iterator[Part]:
    yield _found(table)
    if table.main >= 0 and any(row.spreads for row in table.rows):
        yield _pools(table)
    if figure := anytime_figure(table):
        yield Part(
            "anytime",
            "What was found by each cost",
            f"{table.columns[table.main].label} of the incumbent against seconds spent: mean over "
            "runs, and the middle 80 % of them.",
            figures=(figure,),
        )
    if table.main >= 0:
        yield _distance(table)
    if table.equal_costs:
        yield _equal_cost(table)
    if table.speed_ups:
        yield _speed(table)
    if table.ranks is not None:
        yield _ranks(table, table.ranks)
    if table.published:
        yield _published(table)


def _pictures(table: SearchTable) -> Iterator[Part]:
    if table.landscape is not None:
        yield _landscape(table.landscape)
    if table.logged:
        yield Part(
            "series",
            "What searches logged",
            "Scores and accuracy of the incumbent, entropy of the policy in nats, and diversity of "
            "the population (the mean number of decisions in which two networks differ), by "
            "evaluations: mean over runs and the middle 80 % of them.",
            figures=(logged_figure(table.logged),),
        )
    if table.prunings:
        yield Part(
            "pruning",
            "Rounds of pruning",
            "Condition number of the kernel against linear regions of the supernet before each "
            "round; 0 is the whole supernet. One run is numbered, the others are faint. After "
            "Figure 5 of the TE-NAS paper.",
            figures=(pruning_figure(table.prunings),),
        )


_LABEL = Column("search", "search", "label", kind="text")
_SEARCH = Column("search", "search", kind="text")
_DIFFERENCE = (
    Column("difference", "difference", places=2, sign=True),
    Column("standard_errors", "in standard errors", places=1, sign=True),
)


def _found(table: SearchTable) -> Part:
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
    text = "; ".join(table.notes)
    text = f"{text[:1].upper()}{text[1:]}."
    return Part("found", "What was found", text, Grid("found", columns, table.rows))


def _value(place: int, row: SearchRow) -> Cell:
    cell = _spread(row.values[place].mean, row.values[place].sd)
    if not row.spreads or math.isnan(row.spreads[place].standard_error):
        return cell
    return Cell(f"{cell.text} ({row.spreads[place].standard_error:.2f})", cell.value)


def _spread(mean: float, sd: float) -> Cell:
    if math.isnan(mean):
        return Cell(MISSING)
    text = decimal(mean, 2)
    return Cell(text if math.isnan(sd) else f"{text} ± {sd:.2f}", mean)


def _evaluations(row: SearchRow) -> Cell:
    if row.evaluations is None:
        return Cell("")
    mean = row.evaluations.mean
    return Cell(f"{mean:,.1f}".removesuffix(".0"), mean)


def _cost(row: SearchRow) -> Cell:
    if row.cost_s is None:
        return Cell("")
    if not row.cost_is_known:
        return Cell("not known")
    return Cell(cost_text(row.cost_s.mean), row.cost_s.mean)


def cost_text(seconds: float) -> str:
    """Format seconds with three figures, or as whole seconds.

    >>> cost_text(11932.7), cost_text(4.561)
    ('11,933', '4.56')
    """
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


class _Pooled(NamedTuple):
    row: SearchRow
    spread: PoolSpread


def _pools(table: SearchTable) -> Part:
    """Tabulate, for searches on pools, the spread between pools and within, and both errors."""

    def interval(line: _Pooled, *, wider: bool) -> str:
        mean, half = line.spread.mean, line.spread.half_width(wider=wider)
        if math.isnan(half):
            return MISSING
        return f"{decimal(mean - half, 2)} to {decimal(mean + half, 2)}"

    columns = (
        Column("search", "search", "row.label", kind="text"),
        Column("pools", "pools", "spread.pools"),
        Column("size", "networks in each", "row.pools.size"),
        Column("drawn_from", "of", "row.pools.drawn_from"),
        Column("runs", "runs", "spread.runs"),
        Column("mean", "mean of the pools", "spread.mean", places=2),
        Column("between", "sd between pools", "spread.between", places=2),
        Column("within", "sd in a pool", "spread.within", places=2),
        Column("error", "standard error", "spread.standard_error", places=2),
        Column("interval", "95 %, these networks", partial(interval, wider=False), kind="text"),
        Column("wider", "95 %, other networks", partial(interval, wider=True), kind="text"),
    )
    lines = [_Pooled(row, row.spreads[table.main]) for row in table.rows if row.spreads]
    shared = ", ".join(
        f"{100 * one.size / one.drawn_from:.0f} % (of {one.size:,})"
        for one in dict.fromkeys(row.pools for row in table.rows if row.pools)
    )
    return Part(
        "pools",
        "Between pools",
        f"About {table.columns[table.main].label}, for the searches whose runs are divided over "
        "random pools of the scored networks. Estimated is what a run finds on average on a pool "
        "of this size: the mean of the means of the pools, with the standard error that the spread "
        "of these means gives. The variance between pools is that of the means less the part that "
        "is due to few runs in each.",
        Grid("pools", columns, lines),
        notes=(
            f"pools are drawn from the same scored networks, and two of them share {shared} of "
            "their networks on average; the first interval is about other pools of the same "
            "networks and says nothing about other scored networks",
            "the second interval is about pools of other scored networks of the space: to the "
            "squared error it adds the variance between pools times (1/n - 1/N) / (1/k - 1/n), for "
            "k networks a pool of n scored ones of N; this is exact for averages over networks, "
            "and an approximation for what a search finds",
        ),
    )


def _distance(table: SearchTable) -> Part:
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
    title = "Distance and speed"
    meaning = (
        f"About {main.label}. Evaluations are counted until the incumbent first had 99 % of the "
        "optimum, over the runs that came to it."
    )
    if not known:
        title = "Spread over runs"
        meaning = f"Quantiles of {main.label}; what the best network of the space has is not known."
    return Part("distance", title, meaning, Grid("distance", columns, table.rows))


def _near(row: SearchRow) -> Cell:
    found = row.reaching
    return Cell(f"{found.n:,} of {found.n + found.missing:,}", found.n) if found else Cell("")


def _equal_cost(table: SearchTable) -> Part:
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
    return Part(
        "equal-cost",
        "Beside random search at equal cost",
        f"About {table.columns[table.main].label}. As many networks are drawn with replacement as "
        "the search's mean cost pays for, and the best of them is kept: by the same indicators at "
        "the median cost of one network, or by the validation accuracy after a training of the "
        "same length at the mean cost of one. Standard deviations are those of one search.",
        Grid("equal-cost", columns, table.equal_costs),
    )


def _speed(table: SearchTable) -> Part:
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
    return Part(
        "speed",
        "Time to fixed levels",
        "Seconds after which half of the runs have a level for good: no later incumbent of theirs "
        "is below it. Above 1, the search is faster than the one without its indicators. Intervals "
        "are those of 1,000 resamples of the runs of both; ∞ where a resample of the other search "
        "never has the level, 0 where one of the search itself never has it. TEG-NAS claims 2.3 "
        "times.",
        Grid("speed", columns, table.speed_ups),
    )


def _seconds(seconds: float) -> Cell:
    return Cell("never") if math.isnan(seconds) else Cell(cost_text(seconds), seconds)


def _times(ratio: float) -> str:
    if math.isinf(ratio):
        return "∞"
    if math.isnan(ratio):
        return MISSING
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _ranks(table: SearchTable, ranks: RandomRanks) -> Part:
    """Tabulate every answer with its rank among random networks."""
    random = ranks.random
    columns = (
        _SEARCH,
        Column("run", "run"),
        Column("value", "predicted accuracy", places=2),
        Column("rank", f"rank among {random.n:,} random networks", lambda one: one.rank or None),
        Column("genotype", "genotype", lambda one: one.genotype or one.architecture, kind="code"),
    )
    return Part(
        "ranks",
        "Among random networks",
        f"{table.columns[table.main].label}, which a surrogate PREDICTS: a network of rank 1 is "
        "predicted to be better than all random ones.",
        Grid("ranks", columns, ranks.answers),
        notes=(
            f"{random.n:,} networks drawn at random: {random.mean:.2f} ± {random.sd:.2f}, median "
            f"{random.median:.2f}, 5 % {random.q05:.2f}, 95 % {random.q95:.2f}, best "
            f"{ranks.best:.2f}",
        ),
    )


def _published(table: SearchTable) -> Part:
    """Tabulate published means beside ours, and the difference in standard errors."""
    columns = (
        Column("search", "search", "published.method", kind="text"),
        Column("on", "on", lambda one: heading(one.published), kind="text"),
        Column("published", "published", lambda one: _spread(one.published.mean, one.published.sd)),
        Column("ours", "ours", lambda one: _spread(one.mean, one.sd)),
        *_DIFFERENCE,
        Column("source", "source", "published.source", kind="text"),
    )
    return Part(
        "published",
        "Beside published values",
        "Mean and standard deviation over runs as printed, and ours under the same label. Rules "
        "are exact, so that their differences are the published runs' own errors.",
        Grid("published", columns, table.published),
    )


def _landscape(found: Landscape) -> Part:
    return Part(
        "landscape",
        "Landscapes",
        "Ours, for TEG-NAS does not say how its own are projected. Networks are points whose "
        f"squared distances are edit distances (of {found.decisions} decisions, how many differ); "
        "shown is the plane in which the ranks of the indicators vary most, which holds "
        f"{100 * found.share:.0f} % of the variance of all positions. A cell's shade is the mean "
        "rank of the networks in it, from worst (dark) to best (light). The line connects the "
        "incumbents of one run, that with the median answer, from the ring to the star.",
        figures=(landscape_figure(found),),
        notes=(
            "share of the ranks' variance that the two coordinates explain linearly: "
            + ", ".join(f"{one.label} {one.explained:.2f}" for one in found.surfaces),
        ),
    )


def _settings(table: SearchTable) -> Part:
    """Tabulate settings and budget of each search, and say where its answers come from."""
    labels: dict[str, list[str]] = {}
    for row in table.rows:
        for fact in row.facts:
            labels.setdefault(fact, []).append(row.label)
    columns = (
        _LABEL,
        Column("settings", "settings", kind="text"),
        Column("budget", "budget", kind="text"),
    )
    return Part(
        "settings",
        "What each search is",
        "Settings and budgets; below, where answers come from.",
        Grid("settings", columns, table.rows),
        notes=tuple(f"{', '.join(who)}: {fact}" for fact, who in labels.items()),
    )


def search_files(table: SearchTable, *, version: str = "") -> dict[str, Content]:
    """Render the report as Markdown and as one HTML page, and its figures as SVG and PDF.

    Returns:
        Contents by file name; the Markdown refers to the SVG files.
    """
    report = search_report(table, version=version)
    figures = [figure for part in report.parts for figure in part.figures]
    pictures = {figure.name: f"{figure.name}.svg" for figure in figures}
    files: dict[str, Content] = {
        "report.md": markdown.render(report, pictures=pictures),
        "report.html": html.render(report),
    }
    for figure in figures:
        files[f"{figure.name}.svg"] = figure.svg()
        files[f"{figure.name}.pdf"] = figure.pdf()
    return files


def search_json(table: SearchTable) -> str:
    """Write the table without curves and landscapes as JSON; see `json_text` for its numbers."""
    about = ("title", "space", "dataset", "benchmark", "sha256", "command", "seed", "columns")
    compared = ("difference", "standard_errors")
    return json_text(
        {name: getattr(table, name) for name in about}
        | {
            "rows": [
                fields(row, without=("curve", *(() if row.pools else ("pools", "spreads"))))
                for row in table.rows
            ],
            "equal_cost": [
                fields(one, *compared, without=("pools_error",) if one.pools_error is None else ())
                for one in table.equal_costs
            ],
            "speed_ups": [fields(one, "ratio") for one in table.speed_ups],
            "ranks": table.ranks,
            "published": [
                fields(one.published)
                | {"own_mean": one.mean, "own_sd": one.sd, "own_runs": one.runs}
                | {name: getattr(one, name) for name in compared}
                for one in table.published
            ],
            "notes": table.notes,
        }
    )


_SHOWN = 10


def task_search_report(table: TaskSearchTable, *, version: str = "") -> Report:
    """Make the report of a task search: the found task, its rivals, the best tried tasks."""
    drawn = np.array([one.rho for one in table.tried[: table.num_drawn]])
    best = table.best
    facts = "\n".join(f"\N{BULLET} {fact}" for fact in table.facts)
    of_drawn = "No task drawn at random ranks the labelled networks at all."
    if np.isfinite(drawn).any():
        of_drawn = (
            f"Tasks drawn at random: median rho {decimal(float(np.nanmedian(drawn)))}, best "
            f"{decimal(float(np.nanmax(drawn)))} of {len(drawn)} on the labelled networks."
        )
    first = {one.id: one for one in reversed(table.tried)}.values()  # a child may be a repeat
    ranked = sorted(first, key=lambda one: (math.isnan(one.rho), -one.rho, one.number))
    columns = (
        Column("task", "task", "id", kind="text"),
        Column("number", "number"),
        Column("parent", "parent", lambda one: Cell(str(one.parent or "drawn"), one.parent)),
        Column("rho", "rho"),
        Column("tau", "tau-b"),
        Column("seconds", "seconds", show=lambda value: f"{value:,.0f}"),
        Column("content", "content", kind="text"),
    )
    return Report(
        title=table.title,
        sections=(),
        summary=f"{facts}\n\nThe best of {len(table.tried)} tasks is number {best.number} "
        f"({best.id}): {best.content}.",
        version=version,
        parts=(
            Part(
                "rivals",
                "On the networks that chose it, and on others",
                of_drawn,
                rivals_grid(table),
                notes=table.notes,
            ),
            Part(
                "tasks",
                "The best tasks",
                "By rho of minus the loss and the accuracy on the labelled networks.",
                Grid("tasks", columns, ranked[:_SHOWN]),
                full=Grid("tasks", columns, ranked),
            ),
        ),
    )


def rivals_grid(table: TaskSearchTable) -> Grid:
    """Tabulate the found task and other ways to rank networks, on both lots."""
    columns = (
        Column("ranking_by", "ranking by", "name", kind="text"),
        Column("rho_labelled", "labelled rho", "labelled.rho"),
        Column("tau_labelled", "labelled tau-b", "labelled.tau"),
        Column("rho", "held-out rho [95 %]", "held_out.rho", interval=True),
        Column("tau", "held-out tau-b", "held_out.tau"),
        Column("n", "n", "held_out.n"),
    )
    return Grid("rivals", columns, table.rivals)
