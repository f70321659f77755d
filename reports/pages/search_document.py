"""Search reports as JSON and Markdown documents."""

from __future__ import annotations

import math

import numpy as np

from untrained.reports.formats import html
from untrained.reports.formats.formats import Content
from untrained.reports.formats.json_document import fields, json_text
from untrained.reports.formats.markdown import document, escape
from untrained.reports.pages.search import search_report
from untrained.reports.tables.numbers import MISSING
from untrained.results.searches.table import SearchTable
from untrained.results.searches.task_search import TaskSearchTable
from untrained.results.statistics.correlation import CorrelationRow


def search_files(table: SearchTable, *, version: str = "") -> dict[str, Content]:
    """The report as Markdown and as one HTML page, and its figures as SVG and PDF.

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


def search_markdown(table: SearchTable, *, version: str = "") -> str:
    """The report as GitHub-flavoured Markdown without figures."""
    return document(search_report(table, version=version))


def search_json(table: SearchTable) -> str:
    """Everything of the table but curves and landscapes; see `json_text` for its numbers."""
    about = ("title", "space", "dataset", "benchmark", "sha256", "command", "seed", "columns")
    compared = ("difference", "standard_errors")
    return json_text(
        {name: getattr(table, name) for name in about}
        | {
            "rows": [fields(row, without=("curve",)) for row in table.rows],
            "equal_cost": [fields(one, *compared) for one in table.equal_costs],
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


def task_search_markdown(table: TaskSearchTable, *, version: str = "") -> str:
    """The whole report."""
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
