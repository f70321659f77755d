"""Write the pages that come from committed results: NAME.md, of the sentences in NAME.md.j2.

    python docs/reproduction.py
    UNTRAINED_DATA=<folder> python docs/reproduction.py TABLE...

Every number of the pages is read from `results/committed/*/report.csv`, from a table of a
`report.md`, from the published values or from `reference/measured.csv`. With the names of
published tables, the correlations that they are compared with are computed again from the
committed scores and written to that file first. A sentence states the condition that it rests on
and is refused where the condition no longer holds.
"""

from __future__ import annotations

import csv
import math
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import measured

from untrained.foundation import MalformedInput, UnknownName
from untrained.reports.formats.formats import template_environment
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.numbers import MISSING
from untrained.results import Comparison, CorrelationRow, PublishedValue, published_values
from untrained.results.comparison.published import compare, equivalence
from untrained.results.searches.table import (
    PublishedSearch,
    PublishedSearchComparison,
    heading,
    published_searches,
)

DOCS = Path(__file__).parent
COMMITTED = DOCS.parent / "results" / "committed"
STUDIES = DOCS.parent / "harness" / "study" / "studies"
STATEMENTS = ("yes", "no", "cannot say")


class Outlived(Exception):
    """A sentence whose numbers no longer say what it says."""


@cache
def lines(report: str) -> list[dict[str, str]]:
    """Read the rows of all correlation tables of a report."""
    with (COMMITTED / report / "report.csv").open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def rows(report: str, dataset: str = "", space: str = "") -> dict[str, dict[str, str]]:
    """Index the rows of a correlation table by indicator: of a data set and a space, or of any."""
    return {
        row["indicator"]: row
        for row in lines(report)
        if (not dataset or row["target"].split()[0] == dataset)
        and (not space or row["space"] == space)
    }


def told_apart(reports: list[str], family: str, *, side: int) -> list[str]:
    """List what Holm's method, in each space by itself, tells apart from params at 5 %.

    Args:
        family: how the names of the indicators begin.
        side: 1 for those above params, -1 for those below.
    """
    return [
        f"{row['indicator']} on {row['space']}"
        for row in (row for report in reports for row in lines(report))
        if row["indicator"].startswith(family)
        and float(row["delta_p_holm"] or "nan") < 0.05
        and side * float(row["delta_tau"]) > 0
    ]


def number(report: str, indicator: str, name: str = "tau", *, space: str = "") -> float:
    """Read one number of a correlation table."""
    return float(rows(report, space=space)[indicator][name])


def estimate(
    report: str,
    indicator: str,
    name: str = "tau",
    suffix: str = "",
    dataset: str = "",
    *,
    space: str = "",
) -> str:
    """Read a number with its interval."""
    ends = {"tau": "tau", "rho": "rho", "delta_tau": "delta"}[name]
    names = (f"{name}{suffix}", f"{ends}_low{suffix}", f"{ends}_high{suffix}")
    value, low, high = (float(rows(report, dataset, space)[indicator][one]) for one in names)
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


def find_table(report: str, title: str) -> list[list[str]]:
    """Return the lines of the first table of a report whose heading contains a title."""
    return next(lines for name, lines in tables(report).items() if title in name)


def table(report: str, title: str, *columns: str) -> str:
    """Copy some columns of a table of a report, by default all."""
    heading, *lines = find_table(report, title)
    places = [heading.index(name) for name in columns] or list(range(len(heading)))
    shown = [[line[place] for place in places] for line in (heading, *lines)]
    rule = [":--" if place == places[0] else "--:" for place in places]
    return "\n".join(f"| {' | '.join(line)} |" for line in (shown[0], rule, *shown[1:]))


def cell(report: str, title: str, row: str, column: str) -> str:
    """Read one cell of a table of a report."""
    heading, *lines = find_table(report, title)
    return next(line[heading.index(column)] for line in lines if line[0] == row)


def largest(report: str, title: str, column: str) -> str:
    """Write the largest number in a column of a table of a report, and the row that has it."""
    heading, *lines = find_table(report, title)
    value, row = max((float(line[heading.index(column)]), line[0]) for line in lines)
    return f"{value:.3f} ({row})"


def apart(report: str, search: str, other: str, column: str) -> float:
    """Divide the difference of two searches' means over runs by its standard error."""
    means, errors = [], []
    for one in (search, other):
        mean, sd = map(float, cell(report, "What was found", one, column).split(" ± "))
        means.append(mean)
        errors.append(sd / math.sqrt(int(cell(report, "What was found", one, "runs"))))
    return (means[0] - means[1]) / math.hypot(*errors)


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


def beyond_params(report: str, datasets: list[str], suffix: str, *, side: int) -> list[str]:
    """List the indicators told apart from params on every data set, best first.

    Those that lack more than a fifth of the networks are left out.

    Args:
        suffix: "" over architectures, "_functions" over functions.
        side: 1 for those whose interval of the difference is above 0 everywhere, -1 for below.
    """
    end = f"delta_low{suffix}" if side > 0 else f"delta_high{suffix}"
    everywhere = [rows(report, one) for one in datasets]
    return [
        name
        for name in everywhere[0]
        if name not in {"params", *of_few_networks(report)}
        and all(side * float(found[name][end]) > 0 for found in everywhere)
    ]


def of_few_networks(report: str) -> list[str]:
    """List the indicators that lack more than a fifth of the networks."""
    return [
        name
        for name, row in rows(report).items()
        if 5 * int(row["n"]) < 4 * int(row["n_population"])
    ]


def changes(before: str, after: str, dataset: str) -> dict[str, tuple[float, float]]:
    """Pair tau-b over functions of two reports by indicator, the smallest change first.

    Args:
        before: a report that says it besides tau-b over architectures, for the data set.
        after: a report of one architecture of each function.
    """
    old, new = rows(before, dataset), rows(after)
    pairs = {
        name: (float(old[name]["tau_functions"]), float(new[name]["tau"]))
        for name in old
        if name in new
    }
    return dict(sorted(pairs.items(), key=lambda pair: abs(pair[1][1] - pair[1][0])))


def by_function(study: str) -> list[str]:
    """Name the indicators that a study measures on one architecture of each function."""
    settings = tomllib.loads((STUDIES / f"{study}.toml").read_text("utf-8"))
    return list(settings.get("share_classes", []))


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


# ---- published tables ----

REASONS = ("no accuracies", "other population", "other target", "not measured")
SEARCHES = ("nasbench201-search", "nasbench201-supernets", "nasbench201-tenas-ablations")
"""Reports of searches; each is of one data set that was searched for."""
SMALL = 0.2
"""Margin of a search's mean in published standard deviations over runs: a small effect."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A published value and what it is compared with."""

    published: PublishedValue
    reason: str
    """Why it cannot be compared; empty where it is."""
    measured: dict[str, str]
    """Row of measured.csv."""
    comparison: Comparison | None

    @property
    def verdict(self) -> str:
        """The equivalence statement, or the reason why there is none."""
        return self.comparison.within if self.comparison else self.reason


def cell_of(item: PublishedValue, population: str, preferred: str) -> Cell:
    """Find the measured correlation of a published value."""
    left = [row for row in measured.reference("measured.csv") if row["space"] == item.space]
    others = {row["scores"] for row in left} - {*measured.PREFERRED.values()}
    conditions = (
        lambda row: row["dataset"] == item.dataset,
        lambda row: row["population"] == population,
        lambda row: item.target in ("", row["split"]),
        lambda row: row["indicator"] == item.indicator and row["scores"] in {preferred, *others},
    )
    for reason, fits in zip(REASONS, conditions, strict=True):
        left = [row for row in left if fits(row)]
        if not left:
            return Cell(item, reason, {}, None)
    best = max(left, key=lambda row: (row["scores"] == preferred, int(row["n"])))
    values: dict[str, Any] = {field.name: math.nan for field in fields(CorrelationRow)}
    values |= {name: float(best[name]) for name in measured.SIZES}
    values |= {"indicator": item.indicator, "n": int(best["n"]), "n_population": int(best["n"])}
    return Cell(item, "", best, compare(item, CorrelationRow(**values), confidence=0.95))


@cache
def tables_published() -> dict[str, dict[str, list[Cell]]]:
    """Collect the cells of each published table, by source.

    Raises:
        MalformedInput: a source of a published value belongs to no table.
    """
    known = {row["source"]: row for row in measured.reference("sources.csv")}
    found: dict[str, dict[str, list[Cell]]] = {row["table"]: {} for row in known.values()}
    for item in published_values():
        if item.source not in known:
            raise MalformedInput(
                f"cannot place the published values of {item.source!r}: sources.csv has no such "
                "source. Add a line with the name of its table."
            )
        table, population = known[item.source]["table"], known[item.source]["population"]
        one = cell_of(item, population, measured.PREFERRED.get(table, ""))
        found[table].setdefault(item.source, []).append(one)
    return found


def published_cells(table: str) -> list[Cell]:
    """List the cells of one published table."""
    return [one for cells in tables_published()[table].values() for one in cells]


def of_reports(table: str) -> str:
    """Name the reports whose scores the cells of one table are compared with."""
    used = Counter(c.measured["scores"] for c in published_cells(table) if c.comparison)
    links = []
    for name, _ in used.most_common():
        file = "report.md" if (COMMITTED / name / "report.md").exists() else "README.md"
        links.append(f"[{name}](../results/committed/{name}/{file})")
    return f", from the scores of {', '.join(links)}." if links else ""


@dataclass(frozen=True, slots=True)
class SearchCell:
    """A published mean of a search and ours."""

    published: PublishedSearch
    comparison: PublishedSearchComparison | None
    verdict: str


@cache
def search_cells() -> tuple[SearchCell, ...]:
    """Compare the published means of searches with those of the committed reports."""
    found: list[SearchCell] = []
    for item in published_searches():
        ours = None
        name = heading(item)
        for report in SEARCHES:
            compared = next(v for k, v in tables(report).items() if k.startswith("Beside pub"))
            if ours is None and [item.method, name] in (line[:2] for line in compared):
                mean, sd = map(
                    float, cell(report, "What was found", item.method, name).split(" ± ")
                )
                runs = cell(report, "What was found", item.method, "runs")
                n = 0 if runs == "exact" else int(runs)
                ours = PublishedSearchComparison(item, mean, sd, n, sd / math.sqrt(n) if n else 0.0)
        if ours is None or not item.runs:
            found.append(SearchCell(item, None, "not measured" if item.runs else "runs unknown"))
            continue
        error = ours.difference / ours.standard_errors if ours.difference else 0.0
        half = NormalDist().inv_cdf(0.975) * error
        ends = ours.difference - half, ours.difference + half
        found.append(SearchCell(item, ours, equivalence(*ends, 0.0, SMALL * item.sd)))
    return tuple(found)


def summary() -> str:
    """Count the cells of each table by verdict."""
    columns = (*STATEMENTS, *REASONS, "runs unknown")
    heads = ("table", "cells", "compared", "reproduced", "not reproduced", *columns[2:])
    counts = {
        name: Counter(c.verdict for c in published_cells(name)) for name in tables_published()
    }
    counts["searches"] = Counter(c.verdict for c in search_cells())
    total = counts["all"] = sum(counts.values(), Counter())
    lines = [f"| {' | '.join(heads)} |", f"| :-- |{' --: |' * (len(heads) - 1)}"]
    for name, found in counts.items():
        own = [name, found.total(), _compared(found), *(found[one] for one in columns)]
        lines.append(f"| {' | '.join(map(str, own))} |")
    decided = total["yes"] + total["no"]
    text = (
        f"Of {_compared(total):,} compared cells {total['yes'] / _compared(total):.0%} are "
        f"reproduced; of the {decided:,} that can be decided, {total['yes'] / decided:.0%}."
    )
    return "\n".join((text, "", *lines))


def _compared(found: Counter[str]) -> int:
    return sum(found[one] for one in STATEMENTS)


def compared(table: str) -> str:
    """Show the compared cells of one table and name the others, source by source."""
    text: list[str] = []
    for source, cells in tables_published()[table].items():
        lines: dict[tuple[Any, ...], dict[str, Cell]] = {}
        for one in cells:
            p = one.published
            if one.comparison:
                key = (p.space, p.dataset, p.indicator, p.n, p.note)
                same = lines.setdefault(key, {})
                if p.metric in same:  # the same source printed two values of one thing
                    same = lines.setdefault((*key, p.value), {})
                same[p.metric] = one
        text += [f"*{source}*", ""]
        if lines:
            text += [
                "| space | data set | indicator | τ-b published | ours [95 %] | within 0.05 "
                f"| {RHO} published | ours [95 %] | within 0.05 | n | our n | our inputs |",
                f"| :-- | :-- | :-- |{' --: |' * 9}",
                *map(_compared_line, lines.values()),
                "",
            ]
        text += [*_left_out(cells), ""]
    return "\n".join(text).strip()


def _compared_line(pair: dict[str, Cell]) -> str:
    any_of = next(iter(pair.values()))
    p = any_of.published
    shown = [p.space, p.dataset, f"`{p.indicator}`"]
    for metric in ("kendall", "spearman"):
        one = pair[metric].comparison if metric in pair else None
        if one is None:
            shown += [MISSING] * 3
            continue
        value = f"{one.published.value:z.3f}{' abs.' * one.published.absolute}"
        shown += [value, f"{one.measured:z.3f} [{one.low:z.3f}, {one.high:z.3f}]", one.within]
    counts = f"{p.n:,}" if p.n else MISSING, f"{int(any_of.measured['n']):,}"
    return f"| {' | '.join((*shown, *counts, any_of.measured['inputs']))} |"


def _left_out(cells: list[Cell]) -> Iterator[str]:
    for reason in REASONS:
        left = [one.published for one in cells if one.verdict == reason]
        if left:
            about = (
                {p.indicator for p in left}
                if reason == "not measured"
                else {f"{p.space} {p.dataset}" for p in left}
            )
            names = ", ".join(sorted(about))
            yield f"- Not compared, {reason}: {len(left)} ({names})."


def searched(source: str) -> str:
    """Show the searches of one source beside ours."""
    lines = [
        "| search | on | published | ours | difference | within 0.2 sd |",
        f"| :-- | :-- |{' --: |' * 4}",
    ]
    for one in search_cells():
        p = one.published
        if source in p.source:
            shown = [p.method, heading(p), f"{p.mean:.2f} ± {p.sd:.2f}"]
            if one.comparison:
                ours = one.comparison
                shown += [f"{ours.mean:.2f} ± {ours.sd:.2f}", f"{ours.difference:+.2f}"]
            else:
                shown += [MISSING] * 2
            lines.append(f"| {' | '.join((*shown, one.verdict))} |")
    return "\n".join(lines)


def measure_again(names: list[str]) -> None:
    """Compute the correlations that some published tables are compared with again.

    Raises:
        UnknownName: there is no such table.
    """
    for name in names:
        if name not in tables_published():
            raise UnknownName("published table", name, tables_published())
    measured.measure({one.published.space for name in names for one in published_cells(name)})
    tables_published.cache_clear()


# ---- pages ----


def page(template: str | None = None, name: str = "reproduction") -> str:
    """Render a page, whose sentences may call any function of this file.

    Raises:
        Outlived: a sentence rests on something that does not hold.
    """
    text = (DOCS / f"{name}.md.j2").read_text("utf-8") if template is None else template
    return template_environment().from_string(text).render(globals())


if __name__ == "__main__":
    if sys.argv[1:]:
        measure_again(sys.argv[1:])
    for name in ("reproduction", "published", "nasbench201"):
        (DOCS / f"{name}.md").write_text(page(name=name), encoding="utf-8")
