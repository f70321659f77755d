"""A table of searches as a report: the parts that every format shows as far as it can."""

from __future__ import annotations

import math

from untrained.reports.blocks.block import Part
from untrained.reports.figures.searches import (
    anytime_figure,
    landscape_figure,
    logged_figures,
    pruning_figures,
)
from untrained.reports.pages.report import Report
from untrained.reports.pages.search_grids import (
    distance_grid,
    equal_cost_grid,
    found_grid,
    published_grid,
    ranks_grid,
    settings_grid,
    speed_grid,
)
from untrained.results.searches.table import SearchTable


def search_report(table: SearchTable, *, version: str = "") -> Report:
    """Everything that is known of some searches."""
    made = (
        _found(table),
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
    """What the whole table is about."""
    facts = [f"Search space: {table.space}. Searched for: {table.dataset}. Seed: {table.seed}."]
    if table.benchmark:
        facts.append(f"Truth: {table.benchmark}.")
    return [*facts, f"Regenerate: {table.command}"]


def _found(table: SearchTable) -> Part:
    text = "; ".join(table.notes)
    return Part("found", "What was found", f"{text[:1].upper()}{text[1:]}.", found_grid(table))


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
        "Time to equal accuracy",
        "Seconds after which the median over runs of the incumbents' accuracy first is what both "
        "searches reach, the lower of their final medians; above 1, the search is faster than the "
        "one without its indicators. Intervals are those of 1,000 resamples of the runs of both. "
        "TEG-NAS claims 2.3 times.",
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
