"""Write docs/reproduction.md from the committed reports and the sentences of reproduction.md.j2.

    python docs/reproduction.py

Every number of the page is read from `results/committed/*/report.csv`, from a table of `report.md`
or from the published values. A sentence states the condition that it rests on and is refused where
the condition no longer holds.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from untrained.reports.formats.formats import template_environment
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.numbers import MISSING
from untrained.results import published_values

DOCS = Path(__file__).parent
COMMITTED = DOCS.parent / "results" / "committed"
STATEMENTS = ("yes", "no", "cannot say")


class Outlived(Exception):
    """A sentence whose numbers no longer say what it says."""


@cache
def rows(report: str) -> dict[str, dict[str, str]]:
    """Read the rows of a correlation table, by indicator."""
    with (COMMITTED / report / "report.csv").open(encoding="utf-8", newline="") as file:
        return {row["indicator"]: row for row in csv.DictReader(file)}


def number(report: str, indicator: str, name: str = "tau") -> float:
    """Read one number of a correlation table."""
    return float(rows(report)[indicator][name])


def estimate(report: str, indicator: str, name: str = "tau", suffix: str = "") -> str:
    """Read a number with its interval."""
    ends = {"tau": "tau", "rho": "rho", "delta_tau": "delta"}[name]
    names = (f"{name}{suffix}", f"{ends}_low{suffix}", f"{ends}_high{suffix}")
    value, low, high = (float(rows(report)[indicator][one]) for one in names)
    sign = "+" if name == "delta_tau" else ""
    return f"{value:{sign}z.3f} [{low:{sign}z.3f}, {high:{sign}z.3f}]"


@cache
def tables(report: str) -> dict[str, list[list[str]]]:
    """Read the first table below each heading of a report: its lines, the heading line first."""
    found: dict[str, list[list[str]]] = {}
    title, open_table = "", False
    for line in (COMMITTED / report / "report.md").read_text("utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        is_row = line.startswith("| ")
        if is_row and (open_table or title not in found):
            found.setdefault(title, []).append([cell.strip() for cell in line.split("|")[1:-1]])
        open_table = is_row
    return {title: [lines[0], *lines[2:]] for title, lines in found.items()}


def table(report: str, title: str, *columns: str) -> str:
    """Copy some columns of a table of a report, by default all."""
    heading, *lines = next(lines for name, lines in tables(report).items() if title in name)
    places = [heading.index(name) for name in columns] or list(range(len(heading)))
    shown = [[line[place] for place in places] for line in (heading, *lines)]
    rule = [":--" if place == places[0] else "--:" for place in places]
    return "\n".join(f"| {' | '.join(line)} |" for line in (shown[0], rule, *shown[1:]))


def cell(report: str, title: str, row: str, column: str) -> str:
    """Read one cell of a table of a report."""
    heading, *lines = next(lines for name, lines in tables(report).items() if title in name)
    return next(line[heading.index(column)] for line in lines if line[0] == row)


def starred(report: str, column: str, sign: str) -> str:
    """List the indicators whose difference has a star and this sign, best first."""
    lines = next(lines for lines in tables(report).values() if lines[0][0] == "Indicator")
    place = next(i for i, name in enumerate(lines[0]) if name.startswith(column))
    names = [
        re.match("[a-z0-9_]+", line[0])[0]  # type: ignore[index]
        for line in lines[1:]
        if line[place].startswith(sign) and "*" in line[place]
    ]
    return ", ".join(names) or "none"


def published(report: str) -> str:
    """Summarise what is published beside what was measured, one line a coefficient."""
    lines = next(lines for name, lines in tables(report).items() if name.startswith("Published"))
    groups: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    for line in lines[1:]:
        for symbol, place in ((f"{TAU}-b", 1), (RHO, 4)):
            value, measured, within = line[place : place + 3]
            if value != MISSING:
                key = line[0], symbol, measured
                groups.setdefault(key, []).append((float(value.removesuffix(" abs.")), within))
    text = [
        "| indicator | | measured [95 %] | published | within 0.05: yes, no, cannot say |",
        "| :-- | :-- | --: | --: | --: |",
    ]
    for (indicator, symbol, measured), found in groups.items():
        values, counts = [value for value, _ in found], Counter(within for _, within in found)
        span = f"{min(values):.3f} to {max(values):.3f} ({len(values)})"
        span = span if len(values) > 1 else f"{values[0]:.3f}"
        verdict = ", ".join(str(counts[name]) for name in STATEMENTS)
        text.append(f"| {indicator} | {symbol} | {measured} | {span} | {verdict} |")
    return "\n".join(text)


def printed(space: str, indicator: str, metric: str) -> str:
    """Read the one published value of an indicator in a space."""
    [value] = published_values(space=space, indicator=indicator, metric=metric)
    return f"{value.value:.3f}"


def verdicts(report: str, indicator: str) -> Counter[str]:
    """Count the equivalence statements of one indicator."""
    lines = next(lines for name, lines in tables(report).items() if name.startswith("Published"))
    own = [line for line in lines if line[0] == indicator]
    return Counter(line[place] for line in own for place in (3, 6))


def say(holds: bool, sentence: str) -> str:
    """Return a sentence, if what it rests on holds.

    Raises:
        Outlived: it does not.
    """
    if not holds:
        raise Outlived(f"the numbers no longer say: {sentence}")
    return sentence


def page(template: str | None = None) -> str:
    """Render the page.

    Raises:
        Outlived: a sentence rests on something that does not hold.
    """
    names: dict[str, Any] = {
        "cell": cell, "estimate": estimate, "number": number, "published": published,
        "printed": printed, "say": say, "starred": starred, "table": table, "verdicts": verdicts,
    }  # fmt: skip
    text = (DOCS / "reproduction.md.j2").read_text("utf-8") if template is None else template
    return template_environment().from_string(text).render(names)


if __name__ == "__main__":
    (DOCS / "reproduction.md").write_text(page(), encoding="utf-8")
