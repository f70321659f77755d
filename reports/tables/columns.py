"""The columns of a correlation table, the same in every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.reports.tables.facts import (
    AGGREGATE,
    ARROW,
    ProtocolNote,
    mark,
    protocol_notes,
    protocol_number,
)
from untrained.reports.tables.numbers import (
    confidence_level,
    count,
    decimal,
    interval,
    percent,
    seconds,
)

if TYPE_CHECKING:
    from untrained.results import AgreementRow, CorrelationTable, TableRow

TAU = "\N{GREEK SMALL LETTER TAU}"
RHO = "\N{GREEK SMALL LETTER RHO}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, the text of its cells, and the number they are sorted by."""

    name: str
    heading: str
    cell: Callable[[TableRow], str]
    range: Callable[[TableRow], str]
    """The interval beside the cell; empty text where there is none."""
    value: Callable[[TableRow], float]
    """What the cell rounds; NaN = missing."""
    note: str = ""
    """What the heading means, in a sentence."""

    def text(self, row: TableRow) -> str:
        """Cell and interval together."""
        return f"{self.cell(row)} {self.range(row)}".rstrip()


def _no_range(_: TableRow) -> str:
    return ""


def columns(table: CorrelationTable) -> tuple[Column, ...]:
    """The numeric columns; the first one, the indicator, is `label`'s matter."""
    level = f" [{confidence_level(table.confidence)}]" if table.resamples else ""
    return (
        Column(
            name="n",
            heading="n",
            cell=lambda row: count(row.correlation.n),
            range=_no_range,
            value=lambda row: float(row.correlation.n),
            note="architectures ranked",
        ),
        Column(
            name="tau",
            heading=f"Kendall {TAU}-b{level}",
            cell=lambda row: decimal(row.correlation.tau),
            range=lambda row: interval(row.correlation.tau_low, row.correlation.tau_high),
            value=lambda row: row.correlation.tau,
            note="rank correlation corrected for ties",
        ),
        Column(
            name="rho",
            heading=f"Spearman {RHO}{level}",
            cell=lambda row: decimal(row.correlation.rho),
            range=lambda row: interval(row.correlation.rho_low, row.correlation.rho_high),
            value=lambda row: row.correlation.rho,
            note="correlation of mid-ranks",
        ),
        Column(
            name="delta",
            heading=f"{TAU} {MINUS} params{level}",
            cell=lambda row: decimal(row.correlation.delta_tau, sign=True),
            range=lambda row: interval(
                row.correlation.delta_low, row.correlation.delta_high, sign=True
            ),
            value=lambda row: row.correlation.delta_tau,
            note="difference to the parameter count on the networks both rank, resampled in pairs",
        ),
        Column(
            name="coverage",
            heading="coverage",
            cell=lambda row: percent(row.correlation.coverage),
            range=_no_range,
            value=lambda row: row.correlation.coverage,
            note="share of the population that is ranked",
        ),
        Column(
            name="ties",
            heading="ties",
            cell=lambda row: percent(row.correlation.ties_score),
            range=_no_range,
            value=lambda row: row.correlation.ties_score,
            note="share of pairs with equal scores",
        ),
        Column(
            name="alone_s",
            heading="s/arch",
            cell=lambda row: seconds(row.alone_s),
            range=_no_range,
            value=lambda row: row.alone_s,
            note="median seconds an architecture, had the indicator been measured by itself",
        ),
    )


def label(row: TableRow, table: CorrelationTable) -> str:
    """The indicator's id, with an arrow if lower is better and the number of its protocol note.

    A double dagger stands before the number of an aggregate.
    """
    return label_of_row(row, protocol_notes(table))


def label_of_row(row: TableRow | AgreementRow, notes: tuple[ProtocolNote, ...]) -> str:
    """The same of a row of any kind, with the notes of all rows."""
    arrow = "" if row.higher_is_better else f" {ARROW}"
    computed = AGGREGATE if row.members else ""
    return f"{row.indicator}{arrow}{computed}{mark(protocol_number(row, notes))}"
