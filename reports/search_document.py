"""A table of searches as files, as JSON, and as rows for a terminal."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from untrained.reports import html
from untrained.reports.formats import Content
from untrained.reports.markdown import document
from untrained.reports.search_report import search_report
from untrained.results.searches_table import SearchTable


def search_files(table: SearchTable, *, version: str = "") -> dict[str, Content]:
    """The report as Markdown and as one HTML page, and its figures as SVG and PDF.

    Args:
        table: what to show.
        version: of the program that made it.

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
    """The report as GitHub-flavoured Markdown without figures.

    Args:
        table: what to show.
        version: of the program that made it.
    """
    return document(search_report(table, version=version))


def search_json(table: SearchTable) -> str:
    """Everything of the table but curves and landscapes; numbers that do not exist are null."""
    made = {
        "title": table.title,
        "space": table.space,
        "dataset": table.dataset,
        "benchmark": table.benchmark,
        "sha256": table.sha256,
        "command": table.command,
        "seed": table.seed,
        "columns": [asdict(column) for column in table.columns],
        "rows": [
            {
                "label": row.label,
                "searcher": row.searcher,
                "settings": row.settings,
                "budget": row.budget,
                "facts": list(row.facts),
                "cost_is_known": row.cost_is_known,
                "values": [asdict(value) for value in row.values],
                "evaluations": None if row.evaluations is None else asdict(row.evaluations),
                "cost_s": None if row.cost_s is None else asdict(row.cost_s),
                "reaching": None if row.reaching is None else asdict(row.reaching),
            }
            for row in table.rows
        ],
        "equal_cost": [
            {
                **asdict(one),
                "difference": one.difference,
                "standard_errors": one.standard_errors,
            }
            for one in table.equal_costs
        ],
        "speed_ups": [{**asdict(one), "ratio": one.ratio} for one in table.speed_ups],
        "ranks": None if table.ranks is None else asdict(table.ranks),
        "published": [
            {
                **asdict(one.published),
                "own_mean": one.mean,
                "own_sd": one.sd,
                "own_runs": one.runs,
                "difference": one.difference,
                "standard_errors": one.standard_errors,
            }
            for one in table.published
        ],
        "notes": list(table.notes),
    }
    return json.dumps(_finite(made), indent=2, ensure_ascii=False) + "\n"


def _finite(value: object) -> object:
    """The same document, null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
