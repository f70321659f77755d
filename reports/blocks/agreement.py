"""Indicators beside the size of networks and each other, where no accuracy is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.blocks.redundancy import part_of_matrix
from untrained.reports.pages.report import Report
from untrained.reports.tables.columns import RHO, TAU, label_of_row
from untrained.reports.tables.facts import (
    Fact,
    intervals,
    mark_lines,
    protocol_lines,
    protocol_notes,
)
from untrained.reports.tables.grid import (
    DIRECTION,
    MEMBERS,
    SEEDS,
    Cell,
    Column,
    Estimate,
    Grid,
    Line,
    estimate_of,
)
from untrained.reports.tables.numbers import percent, seconds

if TYPE_CHECKING:
    from untrained.results import AgreementRow, AgreementTable

NO_ACCURACIES = "No accuracies were used"


@report_block("agreements", of=Report, order=20)
def agreements(report: Report) -> Iterator[Part]:
    """Show the tables of search spaces without known accuracies."""
    for place, table in enumerate(report.agreements, start=1):
        yield from agreement_parts(table, place)


def agreement_parts(table: AgreementTable, place: int) -> tuple[Part, ...]:
    """Make the parts of one agreement table, the first, second, ... of the report."""
    main = Part(
        f"agreement-{place}",
        table.title,
        f"{NO_ACCURACIES}: {table.reason}. The numbers are rank correlations of each score with "
        "the size of the networks and with the other scores, positive where a score, larger being "
        "better, favours larger networks. They do not say how well anything predicts accuracy.",
        agreement_grid(table),
        notes=(
            *(f"{fact.name}: {fact.text}" for fact in agreement_facts(table)),
            *agreement_notes(table),
        ),
        full=full_grid(table),
        command=table.command,
    )
    matrix = part_of_matrix(table.redundancy)
    if matrix is None:
        return (main,)
    name = f"agreement-{place}-redundancy"
    figures = tuple(replace(figure, name=name) for figure in matrix.figures)
    title = f"{matrix.title}: {table.title}"
    return main, replace(matrix, name=name, title=title, figures=figures)


def sorted_rows(table: AgreementTable) -> list[AgreementRow]:
    """Sort rows by descending tau-b with the first size, rows without a value last, by name."""
    first = _sizes(table.rows)[:1]

    def key(row: AgreementRow) -> tuple[float, str]:
        taus = [-one.tau for one in row.with_sizes if one.size in first and one.tau == one.tau]
        return min(taus, default=math.inf), row.indicator

    return sorted(table.rows, key=key)


def agreement_facts(table: AgreementTable) -> tuple[Fact, ...]:
    """List population, the missing target and the kind of the intervals."""
    return (
        Fact("Space", table.space),
        Fact("Population", f"{table.population}; {table.n_population:,} architectures"),
        Fact("Target", f"none; {table.reason}"),
        Fact("Intervals", intervals(table, table.n_population)),
    )


def agreement_notes(table: AgreementTable) -> tuple[str, ...]:
    """List protocols, meanings of marks, failures and the table's notes, one line each."""
    rows = sorted_rows(table)
    return (*protocol_lines(rows), *mark_lines(rows), *_failures(rows), *table.notes)


def agreement_grid(table: AgreementTable) -> Grid:
    """Make the table for readers: one row an indicator."""
    rows = sorted_rows(table)
    notes = protocol_notes(rows)
    sizes = _sizes(rows)
    return Grid(
        "agreement",
        (
            Column(
                "indicator",
                "Indicator",
                lambda line: Cell(label_of_row(line.row, notes), line.row.indicator),
                kind="code",
            ),
            Column("n", "n", "row.n", "architectures with a score"),
            *(_size_column(size, "tau", f"{TAU}-b with {size}") for size in sizes),
            *(_size_column(size, "rho", f"{RHO} with {size}", aside=True) for size in sizes),
            Column("nearest", "nearest", _nearest, "most alike of all others", kind="code"),
            Column("rho_nearest", f"{RHO} with it", _rho_nearest),
            Column(
                "coverage",
                "coverage",
                _coverage,
                "share of the population with a score",
                show=percent,
            ),
            Column("ties", "ties", "row.ties", "share of pairs with equal scores", show=percent),
            Column(
                "alone_s",
                "s/arch",
                "row.alone_s",
                "median seconds an architecture, by itself",
                show=seconds,
            ),
        ),
        [Line(table, row) for row in rows],
    )


def full_grid(*tables: AgreementTable) -> Grid:
    """Make the table for programs: the rows of some tables, each row complete by itself."""
    lines = [Line(table, row) for table in tables for row in sorted_rows(table)]
    sizes = _sizes([line.row for line in lines])
    return Grid(
        "agreement",
        (
            *(Column(name, get=f"table.{name}") for name in ("title", "space", "population")),
            Column("accuracies", get=lambda _: "none used"),
            Column("indicator", get="row.indicator"),
            Column("version", get="row.version"),
            Column("protocol", get="row.protocol"),
            SEEDS,
            DIRECTION,
            Column("n", get="row.n"),
            Column("n_population", get="row.n_population"),
            *(_size_column(size, "tau") for size in sizes),
            *(_size_column(size, "rho") for size in sizes),
            Column("nearest", get=_nearest),
            Column("rho_nearest", get=_rho_nearest),
            Column("ties_score", get="row.ties"),
            Column("coverage", get=_coverage),
            Column(
                "failures",
                get=lambda line: " ".join(f"{status}={n}" for status, n in line.row.failures),
            ),
            Column("alone_s", get="row.alone_s"),
            MEMBERS,
        ),
        lines,
    )


def _sizes(rows: Sequence[AgreementRow]) -> list[str]:
    """List every size once, ordered as in the longest row (a size's own row lacks itself)."""
    longest_first = sorted(rows, key=lambda row: -len(row.with_sizes))
    return list(dict.fromkeys(one.size for row in longest_first for one in row.with_sizes))


def _size_column(size: str, statistic: str, heading: str = "", *, aside: bool = False) -> Column:
    def get(line: Line) -> Estimate:
        one = next((one for one in line.row.with_sizes if one.size == size), None)
        return estimate_of(one, statistic)

    return Column(f"{statistic}_with_{size}", heading, get, interval=True, aside=aside)


def _nearest(line: Line) -> str | None:
    """Find the other indicator of the largest |rho|."""
    rhos = _rhos(line)
    return max(rhos, key=lambda name: abs(rhos[name]), default=None)


def _rho_nearest(line: Line) -> float | None:
    return max(_rhos(line).values(), key=abs, default=None)


def _rhos(line: Line) -> dict[str, float]:
    """Collect Spearman's rho with every other indicator for which rho exists."""
    found, own = line.table.redundancy, line.row.indicator
    rhos = zip(found.indicators, found.rho[found.indicators.index(own)], strict=True)
    return {name: rho for name, rho in rhos if name != own and not math.isnan(rho)}


def _failures(rows: list[AgreementRow]) -> Iterator[str]:
    for row in rows:
        missing = row.n_population - row.n
        if missing or row.failures:
            fates = ", ".join(f"{n:,} {status}" for status, n in sorted(row.failures))
            yield (
                f"{row.indicator}: {missing:,} of {row.n_population:,} without a score, "
                f"{fates or 'none was asked for'}"
            )


def _coverage(line: Line) -> float:
    row = line.row
    return row.n / row.n_population if row.n_population else math.nan
