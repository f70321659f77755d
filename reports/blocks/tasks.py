"""Indicators over several tables: heat map, average ranks, critical-difference diagram."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.drawing import INK, Figure, drawable, wrapped
from untrained.reports.figures.heat_map import draw_matrix
from untrained.reports.pages.report import Report
from untrained.reports.tables.grid import Column, Grid, estimate_of
from untrained.reports.tables.numbers import MISSING, confidence_level, decimal

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes

    from untrained.results import CorrelationRow, TaskComparison

FEW_TASKS = 10
"""Demsar (2006) wants more than 10 tasks and more than 5 indicators for the approximation."""


@report_block("heat-map", of=Report, order=30)
def heat_map(report: Report) -> Part | None:
    """Show tau-b of the indicators on all tables; None unless two tables share an indicator.

    Indicators stand in the order of their mean tau-b over the tables that have it.
    """
    found: dict[str, dict[int, CorrelationRow]] = {}
    for number, section in enumerate(report.sections):
        for row in section.table.rows:
            found.setdefault(row.indicator, {})[number] = row.correlation
    if not any(len(cells) > 1 for cells in found.values()):
        return None
    means = {name: _mean(cells.values()) for name, cells in found.items()}
    names = sorted(found, key=lambda name: (math.isnan(means[name]), -means[name], name))
    headings = short_titles([section.table.title for section in report.sections])
    columns = (
        Column("indicator", "Indicator", str, kind="code"),
        Column("mean_tau", "mean τ-b", means.get, "over the tables that have it"),
        *(_tau_column(i, heading, found) for i, heading in enumerate(headings)),
    )
    return Part(
        "heat-map",
        "Indicators on all tables",
        f"Kendall's tau-b, positive where an indicator ranks in the direction it claims; {MISSING} "
        "where it was not scored or is constant. Populations and targets are those of each table.",
        Grid("heat-map", columns, names),
        (_heat_map_figure(found, names, headings),),
    )


def _tau_column(place: int, heading: str, found: dict[str, dict[int, CorrelationRow]]) -> Column:
    return Column(
        f"tau_{place + 1}",
        heading,
        lambda name: estimate_of(found[name].get(place), "tau"),
        interval=True,
    )


def short_titles(titles: Sequence[str]) -> list[str]:
    """Cut the words that all titles begin with.

    >>> short_titles(["NAS-Bench-201: cifar10", "NAS-Bench-201: cifar100"])
    ['cifar10', 'cifar100']
    """
    split = [title.split() for title in titles]
    shared = 0
    while (
        len(split) > 1
        and all(len(words) > shared + 1 for words in split)
        and (len({words[shared] for words in split}) == 1)
    ):
        shared += 1
    return [" ".join(words[shared:]) for words in split]


def _mean(rows: Iterable[CorrelationRow]) -> float:
    known = [row.tau for row in rows if not math.isnan(row.tau)]
    return float(np.mean(known)) if known else math.nan


def _heat_map_figure(
    found: dict[str, dict[int, CorrelationRow]], names: list[str], headings: list[str]
) -> Figure:
    values = np.array(
        [
            [found[name][i].tau if i in found[name] else math.nan for i in range(len(headings))]
            for name in names
        ]
    )

    def draw(figure: matplotlib.figure.Figure) -> None:
        draw_matrix(
            figure.add_subplot(),
            values,
            [drawable(name) for name in names],
            [wrapped(heading, 22, 3) for heading in headings],
        )

    size = (1.6 + 0.75 * len(headings), 1.1 + 0.2 * len(names))
    return Figure("heat-map", "Kendall's tau-b of indicators on several tables", size, draw)


@report_block("tasks", of=Report, order=40)
def task_part(report: Report) -> Part | None:
    """Make the part of a report; None if indicators were not compared over tasks."""
    found = report.task_comparison
    if found is None or len(found.indicators) < 2:
        return None
    columns = (
        Column("indicator", "Indicator", lambda pair: pair[0], kind="code"),
        Column(
            "average_rank",
            "average rank",
            lambda pair: pair[1],
            "1 is best; ties share the mean",
            places=2,
        ),
        Column(
            "alike",
            "not told apart from",
            lambda pair: ", ".join(_alike(found, pair[0])),
            kind="code",
        ),
    )
    ranks = list(zip(found.indicators, found.average_ranks, strict=True))
    notes = [f"tasks: {'; '.join(found.tasks)}"]
    if len(found.tasks) < FEW_TASKS:
        notes.append(
            f"with fewer than {FEW_TASKS} tasks the chi-squared distribution is a rough "
            "approximation: take p for an order of magnitude"
        )
    if found.tasks_left_out:
        missing = "; ".join(found.tasks_left_out)
        notes.append(f"left out, because an indicator is missing: {missing}")
    return Part(
        "tasks",
        "Indicators over tasks",
        f"Average ranks by tau-b over {len(found.tasks)} tasks, of the indicators that have a "
        f"tau-b in all of them. Friedman's test: chi-squared "
        f"{decimal(found.statistic, 2)}, p {_p(found.p)}. Bars join indicators whose average "
        f"ranks differ by less than Nemenyi's critical difference, "
        f"{decimal(found.critical_difference, 2)} at {confidence_level(found.confidence)}. "
        "Tasks on one search space are not independent, which the tests assume.",
        Grid("average-ranks", columns, ranks),
        (_diagram(found),),
        notes=tuple(notes),
    )


def _p(value: float) -> str:
    if math.isnan(value):
        return MISSING
    return "< 0.0001" if value < 1e-4 else f"= {value:.4f}"


def _alike(found: TaskComparison, name: str) -> list[str]:
    near = {other for clique in found.cliques if name in clique for other in clique}
    return [other for other in found.indicators if other in near and other != name]


def _diagram(found: TaskComparison) -> Figure:
    half = math.ceil(len(found.indicators) / 2)
    bars = len(found.cliques)
    height = 0.9 + 0.17 * half + 0.09 * bars

    def draw(figure: matplotlib.figure.Figure) -> None:
        _draw(figure.add_subplot(), found, half)

    text = "Critical-difference diagram: average ranks of the indicators, groups joined by bars"
    return Figure("critical-difference", text, (6.4, height), draw)


def _draw(axes: Axes, found: TaskComparison, half: int) -> None:
    """Average ranks on an axis at the top, names at both sides, a bar for each clique."""
    k = len(found.indicators)
    ranks = dict(zip(found.indicators, found.average_ranks, strict=True))
    first_name = 0.9 + 0.5 * len(found.cliques)
    axes.plot([1, k], [0, 0], color=INK, linewidth=0.8)
    for tick in range(1, k + 1):
        axes.plot([tick, tick], [0, -0.25], color=INK, linewidth=0.6)
        axes.text(tick, -0.45, str(tick), ha="center", va="bottom", fontsize=7)
    for level, clique in enumerate(found.cliques):
        ends = [ranks[clique[0]], ranks[clique[-1]]]
        y = 0.55 + 0.5 * level
        axes.plot(
            [min(ends) - 0.04, max(ends) + 0.04], [y, y], color=INK, lw=2.6, solid_capstyle="butt"
        )
    margin = 0.06 * k
    for place, name in enumerate(found.indicators):
        at_left = place < half
        y = first_name + (place if at_left else k - 1 - place)
        edge = 1 - margin if at_left else k + margin
        axes.plot([ranks[name], ranks[name], edge], [0, y, y], color=INK, linewidth=0.6)
        axes.text(
            edge + (-0.01 * k if at_left else 0.01 * k),
            y,
            f"{drawable(name)} ({ranks[name]:.2f})",
            ha="right" if at_left else "left",
            va="center",
            fontsize=7,
        )
    if not math.isnan(found.critical_difference):
        end = min(1 + found.critical_difference, k)
        axes.plot([1, end], [-1.9, -1.9], color=INK, linewidth=1.2)
        for x in (1, end):
            axes.plot([x, x], [-2.1, -1.7], color=INK, linewidth=1.2)
        label = f"critical difference {found.critical_difference:.2f}"
        axes.text((1 + end) / 2, -2.2, label, ha="center", va="bottom", fontsize=7)
    axes.set_ylim(first_name + half, -3.3)
    axes.set_axis_off()
