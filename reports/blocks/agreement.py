"""Indicators beside the size of networks and each other, where no accuracy is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.blocks.redundancy import part_of_matrix
from untrained.reports.pages.report import Report
from untrained.reports.tables.columns import RHO, TAU, label_of_row
from untrained.reports.tables.facts import (
    AGGREGATE_MEANING,
    ARROW_MEANING,
    Fact,
    intervals,
    mark,
    notes_of_rows,
)
from untrained.reports.tables.grid import (
    Cell,
    Grid,
    GridColumn,
    number,
    paired,
    whole_number,
    words,
)
from untrained.reports.tables.numbers import count, percent, seconds

if TYPE_CHECKING:
    from untrained.results import AgreementRow, AgreementTable, SizeAgreement

NO_ACCURACIES = "No accuracies were used"


@report_block("agreements", of=Report, order=20)
def agreements(report: Report) -> Iterator[Part]:
    """The tables of search spaces of which no accuracy is known."""
    for place, table in enumerate(report.agreements, start=1):
        yield from agreement_parts(table, place)


def agreement_parts(table: AgreementTable, place: int) -> tuple[Part, ...]:
    """What a report shows of one table.

    Args:
        place: 1, 2, ... of the table in the report, for names.
    """
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
    """By descending tau-b with the first size; what has none last, by name."""
    first = _sizes(table.rows)[:1]

    def key(row: AgreementRow) -> tuple[float, str]:
        taus = [-one.tau for one in row.with_sizes if one.size in first and one.tau == one.tau]
        return min(taus, default=math.inf), row.indicator

    return sorted(table.rows, key=key)


def agreement_facts(table: AgreementTable) -> tuple[Fact, ...]:
    """Population, the lack of a target, and the kind of the intervals."""
    return (
        Fact("Space", table.space),
        Fact("Population", f"{table.population}; {count(table.n_population)} architectures"),
        Fact("Target", f"none; {table.reason}"),
        Fact("Intervals", intervals(table)),
    )


def agreement_notes(table: AgreementTable) -> tuple[str, ...]:
    """A line each: protocols, what marks mean, failures, the table's notes."""
    rows = sorted_rows(table)
    lines = [f"{mark(n.number)} {n.sentence()}".strip() for n in notes_of_rows(rows)]
    if any(not row.higher_is_better for row in rows):
        lines.append(ARROW_MEANING)
    if any(row.members for row in rows):
        lines.append(AGGREGATE_MEANING)
    return (*lines, *_failures(rows), *table.notes)


def agreement_grid(table: AgreementTable) -> Grid:
    """For readers: one row an indicator."""
    rows = sorted_rows(table)
    notes = notes_of_rows(rows)
    sizes = _sizes(rows)
    return paired(
        "agreement",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("n", "n", "architectures with a score"),
            *(
                GridColumn(f"tau_with_{size}", f"{TAU}-b with {size}", interval=True)
                for size in sizes
            ),
            *(GridColumn(f"rho_with_{size}", f"{RHO} with {size}", aside=True) for size in sizes),
            GridColumn("nearest", "nearest", "most alike of all others", "text", code=True),
            GridColumn("rho_nearest", f"{RHO} with it"),
            GridColumn("coverage", "coverage", "share of the population with a score"),
            GridColumn("ties", "ties", "share of pairs with equal scores"),
            GridColumn("alone_s", "s/arch", "median seconds an architecture, by itself"),
        ),
        tuple(
            (
                Cell(label_of_row(row, notes), row.indicator),
                whole_number(row.n),
                *_size_cells(row, sizes),
                *_nearest(table, row.indicator),
                *(
                    Cell(text(value), None if math.isnan(value) else value)
                    for text, value in (
                        (percent, _coverage(row)),
                        (percent, row.ties),
                        (seconds, row.alone_s),
                    )
                ),
            )
            for row in rows
        ),
    )


def full_grid(*tables: AgreementTable) -> Grid:
    """For programs: the lines of some tables, each complete by itself."""
    lines = [(table, row) for table in tables for row in sorted_rows(table)]
    sizes = _sizes([row for _, row in lines])
    texts = ("title", "space", "population", "accuracies", "indicator", "version", "protocol")
    return paired(
        "agreement",
        (
            *(_column(name, "text") for name in (*texts, "seeds", "higher_is_better")),
            *(_column(name) for name in ("n", "n_population")),
            *(_column(f"tau_with_{size}", interval=True) for size in sizes),
            *(_column(f"rho_with_{size}", interval=True) for size in sizes),
            _column("nearest", "text"),
            *(_column(name) for name in ("rho_nearest", "ties_score", "coverage")),
            _column("failures", "text"),
            _column("alone_s"),
            _column("members", "text"),
        ),
        tuple(
            (
                *map(words, (table.title, table.space, table.population, "none used")),
                words(row.indicator),
                words(str(row.version)),
                words(row.protocol),
                words(" ".join(map(str, row.seeds))),
                words(str(row.higher_is_better).lower()),
                whole_number(row.n),
                whole_number(row.n_population),
                *_size_cells(row, sizes),
                *_nearest(table, row.indicator),
                number(row.ties),
                number(_coverage(row)),
                words(" ".join(f"{status}={n}" for status, n in row.failures)),
                number(row.alone_s),
                words(" ".join(row.members)),
            )
            for table, row in lines
        ),
    )


def _column(
    name: str, kind: Literal["text", "number"] = "number", *, interval: bool = False
) -> GridColumn:
    return GridColumn(name, name, kind=kind, interval=interval)


def _sizes(rows: Sequence[AgreementRow]) -> list[str]:
    """Every size once; a size's own row lacks itself, so the row with the most sets the order."""
    longest_first = sorted(rows, key=lambda row: -len(row.with_sizes))
    return list(dict.fromkeys(one.size for row in longest_first for one in row.with_sizes))


def _size_cells(row: AgreementRow, sizes: list[str]) -> Iterator[Cell]:
    found: dict[str, SizeAgreement] = {one.size: one for one in row.with_sizes}
    for size in sizes:
        one = found.get(size)
        yield number(one.tau, low=one.tau_low, high=one.tau_high) if one else number(math.nan)
    for size in sizes:
        one = found.get(size)
        yield number(one.rho, low=one.rho_low, high=one.rho_high) if one else number(math.nan)


def _nearest(table: AgreementTable, indicator: str) -> tuple[Cell, Cell]:
    names = table.redundancy.indicators
    line = table.redundancy.rho[names.index(indicator)]
    others = [
        (abs(rho), name, rho)
        for name, rho in zip(names, line, strict=True)
        if name != indicator and not math.isnan(rho)
    ]
    if not others:
        return words(""), number(math.nan)
    _, name, rho = max(others, key=lambda one: one[0])
    return words(name), number(rho)


def _failures(rows: list[AgreementRow]) -> Iterator[str]:
    for row in rows:
        missing = row.n_population - row.n
        if missing or row.failures:
            fates = ", ".join(f"{count(n)} {status}" for status, n in sorted(row.failures))
            yield (
                f"{row.indicator}: {count(missing)} of {count(row.n_population)} without a score, "
                f"{fates or 'none was asked for'}"
            )


def _coverage(row: AgreementRow) -> float:
    return row.n / row.n_population if row.n_population else math.nan
