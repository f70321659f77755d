"""The report of a search for a regression task, in Markdown."""

from __future__ import annotations

import math

import numpy as np

from untrained.reports.markdown import escape
from untrained.reports.numbers import MISSING
from untrained.results.correlation import CorrelationRow
from untrained.results.task_search import TaskSearchTable

_SHOWN = 10


def task_search_markdown(table: TaskSearchTable, *, version: str = "") -> str:
    """The whole report.

    Args:
        table: what was found.
        version: of this package.
    """
    drawn = np.array([one.rho for one in table.tried[: table.num_drawn]])
    best = table.best
    lines = [
        f"# {escape(table.title)}",
        "",
        *(f"- {escape(fact)}" for fact in table.facts),
        "",
        f"The best of {len(table.tried)} tasks is number {best.number} ({best.id}): "
        f"{escape(best.content)}.",
        "",
        "## On the networks that chose it, and on others",
        "",
        "| ranking by | labelled: rho | tau-b | held out: rho [95 %] | tau-b | n |",
        "| :-- | --: | --: | --: | --: | --: |",
        *(
            f"| {escape(one.name)} | {_number(one.labelled.rho)} | {_number(one.labelled.tau)} "
            f"| {_interval(one.held_out)} | {_number(one.held_out.tau)} | {one.held_out.n} |"
            for one in table.rivals
        ),
        "",
        f"Tasks drawn at random: median rho {_number(float(np.nanmedian(drawn)))}, best "
        f"{_number(float(np.nanmax(drawn)))} of {len(drawn)} on the labelled networks."
        if np.isfinite(drawn).any()
        else "No task drawn at random ranks the labelled networks at all.",
        "",
        "## The best tasks",
        "",
        "| task | number | parent | rho | tau-b | seconds | content |",
        "| :-- | --: | --: | --: | --: | --: | :-- |",
    ]
    first = {one.id: one for one in reversed(table.tried)}.values()  # a child may be a repeat
    ranked = sorted(first, key=lambda one: (math.isnan(one.rho), -one.rho, one.number))
    for one in ranked[:_SHOWN]:
        parent = str(one.parent) if one.parent else "drawn"
        lines.append(
            f"| {one.id} | {one.number} | {parent} | {_number(one.rho)} | {_number(one.tau)} "
            f"| {one.seconds:,.0f} | {escape(one.content)} |"
        )
    lines += ["", "## Notes", "", *(f"- {escape(note)}" for note in table.notes)]
    if version:
        lines += ["", f"Tables made by untrained {version}."]
    return "\n".join(lines) + "\n"


def task_search_rows(table: TaskSearchTable) -> list[dict[str, str]]:
    """The comparison, for a terminal."""
    return [
        {
            "ranking by": one.name,
            "labelled rho": _number(one.labelled.rho),
            "held-out rho [95 %]": _interval(one.held_out),
            "held-out tau-b": _number(one.held_out.tau),
            "n": str(one.held_out.n),
        }
        for one in table.rivals
    ]


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.3f}"


def _interval(row: CorrelationRow) -> str:
    return f"{_number(row.rho)} [{_number(row.rho_low)}, {_number(row.rho_high)}]"
