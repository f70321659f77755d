"""Reports on searches, for networks and for tasks, and their documents."""

from __future__ import annotations

import math

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.figures.searches import (
    anytime_figure,
    landscape_figure,
    logged_figures,
    pruning_figures,
)
from untrained.reports.formats import html
from untrained.reports.formats.formats import Content
from untrained.reports.formats.json_document import fields, json_text
from untrained.reports.formats.markdown import document
from untrained.reports.pages.report import Report
from untrained.reports.pages.search_grids import (
    distance_grid,
    equal_cost_grid,
    found_grid,
    pools_grid,
    published_grid,
    ranks_grid,
    settings_grid,
    speed_grid,
)
from untrained.reports.tables.grid import Cell, Column, Grid
from untrained.reports.tables.numbers import decimal
from untrained.results.searches.table import SearchTable, TaskSearchTable


def search_report(table: SearchTable, *, version: str = "") -> Report:
    """Make the report of some searches."""
    made = (
        _found(table),
        _pools(table),
        _anytime(table),
        _distance(table),
        _equal_cost(table),
        _speed(table),
        _ranks(table),
        _published(table),
        _landscape(table),
        _logged(table),
        _pruning(table),
        _settings(table),
    )
    return Report(
        title=table.title,
        sections=(),
        summary="\n\n".join(search_facts(table)),
        version=version,
        parts=tuple(part for part in made if part is not None),
    )


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


def _found(table: SearchTable) -> Part:
    text = "; ".join(table.notes)
    return Part("found", "What was found", f"{text[:1].upper()}{text[1:]}.", found_grid(table))


def _pools(table: SearchTable) -> Part | None:
    if table.main < 0 or not any(row.spreads for row in table.rows):
        return None
    return Part(
        "pools",
        "Between pools",
        f"About {table.columns[table.main].label}, for the searches whose runs are divided over "
        "random pools of the scored networks. Estimated is what a run finds on average on a pool "
        "of this size: the mean of the means of the pools, with the standard error that the spread "
        "of these means gives. The variance between pools is that of the means less the part that "
        "is due to few runs in each.",
        pools_grid(table),
        notes=(
            "pools are drawn from the same scored networks, and two of them share "
            + ", ".join(
                f"{100 * one.size / one.drawn_from:.0f} % (of {one.size:,})"
                for one in dict.fromkeys(row.pools for row in table.rows if row.pools)
            )
            + " of their networks on average; the first interval is about other pools of the same "
            "networks and says nothing about other scored networks",
            "the second interval is about pools of other scored networks of the space: to the "
            "squared error it adds the variance between pools times (1/n - 1/N) / (1/k - 1/n), for "
            "k networks a pool of n scored ones of N; this is exact for averages over networks, "
            "and an approximation for what a search finds",
        ),
    )


def _anytime(table: SearchTable) -> Part | None:
    figure = anytime_figure(table)
    if figure is None:
        return None
    return Part(
        "anytime",
        "What was found by each cost",
        f"{table.columns[table.main].label} of the incumbent against seconds spent: mean over "
        "runs, and the middle 80 % of them.",
        figures=(figure,),
    )


def _distance(table: SearchTable) -> Part | None:
    if table.main < 0:
        return None
    if math.isnan(table.columns[table.main].optimum):
        return Part(
            "distance",
            "Spread over runs",
            f"Quantiles of {table.columns[table.main].label}; what the best network of the space "
            "has is not known.",
            distance_grid(table),
        )
    return Part(
        "distance",
        "Distance and speed",
        f"About {table.columns[table.main].label}. Evaluations are counted until the incumbent "
        "first had 99 % of the optimum, over the runs that came to it.",
        distance_grid(table),
    )


def _equal_cost(table: SearchTable) -> Part | None:
    if not table.equal_costs:
        return None
    return Part(
        "equal-cost",
        "Beside random search at equal cost",
        f"About {table.columns[table.main].label}. As many networks are drawn with replacement as "
        "the search's mean cost pays for, and the best of them is kept: by the same indicators at "
        "the median cost of one network, or by the validation accuracy after a training of the "
        "same length at the mean cost of one. Standard deviations are those of one search.",
        equal_cost_grid(table),
    )


def _speed(table: SearchTable) -> Part | None:
    if not table.speed_ups:
        return None
    return Part(
        "speed",
        "Time to fixed levels",
        "Seconds after which half of the runs have a level for good: no later incumbent of theirs "
        "is below it. Above 1, the search is faster than the one without its indicators. Intervals "
        "are those of 1,000 resamples of the runs of both; ∞ where a resample of the other search "
        "never has the level, 0 where one of the search itself never has it. TEG-NAS claims 2.3 "
        "times.",
        speed_grid(table),
    )


def _ranks(table: SearchTable) -> Part | None:
    ranks = table.ranks
    if ranks is None:
        return None
    random = ranks.random
    return Part(
        "ranks",
        "Among random networks",
        f"{table.columns[table.main].label}, which a surrogate PREDICTS: a network of rank 1 is "
        "predicted to be better than all random ones.",
        ranks_grid(ranks),
        notes=(
            f"{random.n:,} networks drawn at random: {random.mean:.2f} ± {random.sd:.2f}, median "
            f"{random.median:.2f}, 5 % {random.q05:.2f}, 95 % {random.q95:.2f}, best "
            f"{ranks.best:.2f}",
        ),
    )


def _published(table: SearchTable) -> Part | None:
    if not table.published:
        return None
    return Part(
        "published",
        "Beside published values",
        "Mean and standard deviation over runs as printed, and ours under the same label. Rules "
        "are exact, so that their differences are the published runs' own errors.",
        published_grid(table),
    )


def _landscape(table: SearchTable) -> Part | None:
    found = table.landscape
    if found is None:
        return None
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


def _logged(table: SearchTable) -> Part | None:
    if not table.logged:
        return None
    return Part(
        "series",
        "What searches logged",
        "Scores and accuracy of the incumbent, entropy of the policy in nats, and diversity of the "
        "population (the mean number of decisions in which two networks differ), by evaluations: "
        "mean over runs and the middle 80 % of them.",
        figures=logged_figures(table.logged),
    )


def _pruning(table: SearchTable) -> Part | None:
    if not table.prunings:
        return None
    return Part(
        "pruning",
        "Rounds of pruning",
        "Condition number of the kernel against linear regions of the supernet before each round; "
        "0 is the whole supernet. One run is numbered, the others are faint. After Figure 5 of the "
        "TE-NAS paper.",
        figures=pruning_figures(table.prunings),
    )


def _settings(table: SearchTable) -> Part:
    labels: dict[str, list[str]] = {}
    for row in table.rows:
        for fact in row.facts:
            labels.setdefault(fact, []).append(row.label)
    return Part(
        "settings",
        "What each search is",
        "Settings and budgets; below, where answers come from.",
        settings_grid(table),
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
        "report.md": document(report, pictures=pictures),
        "report.html": html.render(report),
    }
    for figure in figures:
        files[f"{figure.name}.svg"] = figure.svg()
        files[f"{figure.name}.pdf"] = figure.pdf()
    return files


_POOLED = ("pools", "spreads")
_ERROR = ("pools_error",)


def search_json(table: SearchTable) -> str:
    """Write the table without curves and landscapes as JSON; see `json_text` for its numbers."""
    about = ("title", "space", "dataset", "benchmark", "sha256", "command", "seed", "columns")
    compared = ("difference", "standard_errors")
    return json_text(
        {name: getattr(table, name) for name in about}
        | {
            "rows": [
                fields(row, without=("curve", *(() if row.pools else _POOLED)))
                for row in table.rows
            ],
            "equal_cost": [
                fields(one, *compared, without=() if one.pools_error is not None else _ERROR)
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
