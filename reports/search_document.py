"""A table of searches as Markdown, as JSON, and as rows for a terminal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from untrained.reports.markdown import escape
from untrained.reports.numbers import MISSING, decimal
from untrained.results.searches import Summary
from untrained.results.searches_table import Column, SearchRow, SearchTable


def search_markdown(table: SearchTable, *, figure: str = "", version: str = "") -> str:
    """The table as GitHub-flavoured Markdown.

    Args:
        table: what to show.
        figure: file name of the anytime figure; empty: there is none.
        version: of the program that made it.
    """
    blocks = [
        f"# {escape(table.title)}",
        "\n".join(f"- {escape(fact)}" for fact in search_facts(table)),
        _grid(search_rows(table)),
    ]
    if figure:
        blocks += [f"![{escape(_caption(table))}]({figure})", escape(_caption(table))]
    blocks += ["## Distance and speed", _grid(distance_rows(table))] if table.main >= 0 else []
    if table.published:
        blocks += ["## Beside published values", _grid(published_rows(table))]
    blocks += ["## What each search is", "\n".join(_descriptions(table))]
    blocks += ["## Notes", "\n".join(f"- {escape(note)}" for note in table.notes)]
    if version:
        blocks.append(escape(f"Tables made by untrained {version}."))
    return "\n\n".join(blocks) + "\n"


def search_json(table: SearchTable) -> str:
    """Everything of the table but the curves; numbers that do not exist are null."""
    document = {
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
    return json.dumps(_finite(document), indent=2, ensure_ascii=False) + "\n"


def search_facts(table: SearchTable) -> list[str]:
    """What the whole table is about."""
    facts = [f"Search space: {table.space}", f"Searched for: {table.dataset}"]
    if table.benchmark:
        facts.append(f"Truth: {table.benchmark}")
    return [*facts, f"Seed: {table.seed}", f"Regenerate: {table.command}"]


def search_rows(table: SearchTable) -> list[dict[str, str]]:
    """One row a search or rule: mean and standard deviation in every column of ground truth."""
    return [
        {
            "search": row.label,
            "runs": f"{row.evaluations.n:,}" if row.evaluations else "exact",
            "evaluations": _mean(row.evaluations, 1) if row.evaluations else "",
            "cost s": _cost(row),
            **{
                _heading(column): _spread(value)
                for column, value in zip(table.columns, row.values, strict=True)
            },
        }
        for row in table.rows
    ]


def distance_rows(table: SearchTable) -> list[dict[str, str]]:
    """How far answers are from the optimum, and how soon searches come near it."""
    column = table.columns[table.main]
    sign = 1.0 if column.higher_is_better else -1.0
    rows = []
    for row in table.rows:
        value = row.values[table.main]
        found = row.reaching
        share = "" if found is None else f"{found.n:,} of {found.n + found.missing:,}"
        rows.append(
            {
                "search": row.label,
                "distance to the optimum": decimal(sign * (column.optimum - value.mean), 2),
                "5 %": decimal(value.q05, 2),
                "median": decimal(value.median, 2),
                "95 %": decimal(value.q95, 2),
                "runs that came to 99 % of it": share,
                "evaluations until then, median": "" if found is None else _median(found),
            }
        )
    return rows


def published_rows(table: SearchTable) -> list[dict[str, str]]:
    """Published means beside ours, and the difference in standard errors."""
    return [
        {
            "search": one.published.method,
            "on": f"{one.published.dataset} {one.published.metric.replace('_', ' ')}",
            "published": f"{one.published.mean:.2f} ± {one.published.sd:.2f}",
            "ours": f"{decimal(one.mean, 2)} ± {decimal(one.sd, 2)}",
            "difference": decimal(one.difference, 2, sign=True),
            "in standard errors": decimal(one.standard_errors, 1, sign=True),
            "source": one.published.source,
        }
        for one in table.published
    ]


def _descriptions(table: SearchTable) -> Iterator[str]:
    for row in table.rows:
        parts = [row.settings] if row.settings else []
        parts += [f"budget {row.budget}"] if row.budget else []
        yield f"- {escape(row.label)}: {escape('; '.join(parts) or 'no settings')}"
        yield from (f"  - {escape(fact)}" for fact in row.facts)


def _caption(table: SearchTable) -> str:
    return (
        f"{table.columns[table.main].label} of the incumbent against seconds spent: mean over "
        "runs, and the middle 80 % of them"
    )


def _heading(column: Column) -> str:
    return f"{column.dataset} {column.metric.replace('_', ' ')}"


def _spread(value: Summary) -> str:
    if math.isnan(value.mean):
        return MISSING
    return decimal(value.mean, 2) if math.isnan(value.sd) else f"{value.mean:.2f} ± {value.sd:.2f}"


def _mean(value: Summary, places: int) -> str:
    text = f"{value.mean:,.{places}f}"
    return text.removesuffix(f".{'0' * places}")


def _median(value: Summary) -> str:
    return MISSING if math.isnan(value.median) else f"{value.median:,.0f}"


def _cost(row: SearchRow) -> str:
    if row.cost_s is None:
        return ""
    if not row.cost_is_known:
        return "not known"
    return f"{row.cost_s.mean:,.0f}" if row.cost_s.mean >= 100 else f"{row.cost_s.mean:.3g}"


def _grid(rows: Sequence[dict[str, str]]) -> str:
    headings = list(rows[0])
    lines = [
        f"| {' | '.join(escape(heading) for heading in headings)} |",
        f"| {' | '.join(':--' if i == 0 else '--:' for i in range(len(headings)))} |",
    ]
    lines += [f"| {' | '.join(map(_cell, row.values()))} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """A number is printed as it is: in a table it begins no list."""
    return text if re.fullmatch(r"[-+0-9.,± ]*", text) else escape(text)


def _finite(value: object) -> object:
    """The same document, null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
