"""Documents on searches, for networks and for tasks."""

from __future__ import annotations

import math

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.formats import html
from untrained.reports.formats.formats import Content
from untrained.reports.formats.json_document import fields, json_text
from untrained.reports.formats.markdown import document
from untrained.reports.pages.report import Report
from untrained.reports.pages.search import search_report
from untrained.reports.tables.grid import Cell, Column, Grid
from untrained.reports.tables.numbers import decimal
from untrained.results.searches.table import SearchTable
from untrained.results.searches.task_search import TaskSearchTable


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


def task_search_report(table: TaskSearchTable, *, version: str = "") -> Report:
    """The found task beside its rivals, and the best tasks that were tried."""
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
    """The found task and other ways to rank networks, on both lots."""
    columns = (
        Column("ranking_by", "ranking by", "name", kind="text"),
        Column("rho_labelled", "labelled rho", "labelled.rho"),
        Column("tau_labelled", "labelled tau-b", "labelled.tau"),
        Column("rho", "held-out rho [95 %]", "held_out.rho", interval=True),
        Column("tau", "held-out tau-b", "held_out.tau"),
        Column("n", "n", "held_out.n"),
    )
    return Grid("rivals", columns, table.rivals)
