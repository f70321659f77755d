"""The columns of a correlation table, the same in every format, and the table for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from untrained.reports.tables.facts import (
    AGGREGATE,
    ARROW,
    STAR,
    ProtocolNote,
    mark,
    protocol_notes,
    protocol_number,
)
from untrained.reports.tables.grid import Cell, Column, Grid, Value, estimate_of
from untrained.reports.tables.numbers import confidence_level, decimal, percent, seconds

if TYPE_CHECKING:
    from rich.table import Table

    from untrained.results import AgreementRow, CorrelationRow, CorrelationTable, TableRow

TAU = "\N{GREEK SMALL LETTER TAU}"
RHO = "\N{GREEK SMALL LETTER RHO}"
MINUS = "\N{MINUS SIGN}"


def columns(table: CorrelationTable) -> tuple[Column, ...]:
    """List the columns of `correlation_grid`; they read rows of the table."""
    notes = protocol_notes(table.ranked)
    level = f" [{confidence_level(table.confidence)}]" if table.resamples else ""
    return (
        Column(
            "indicator",
            "Indicator",
            lambda row: Cell(label_of_row(row, notes), row.indicator),
            kind="code",
        ),
        Column("n", "n", "correlation.n", "architectures ranked"),
        *(_fair_columns(table) if table.n_common else ()),
        Column(
            "tau",
            f"Kendall {TAU}-b{level}",
            "correlation.tau",
            "rank correlation corrected for ties",
            interval=True,
            leading=True,
        ),
        Column(
            "rho",
            f"Spearman {RHO}{level}",
            "correlation.rho",
            "correlation of mid-ranks",
            interval=True,
            aside=bool(table.n_functions),
        ),
        Column(
            "delta",
            f"{TAU} {MINUS} params{level}",
            lambda row: _delta(row.correlation, level=1 - table.confidence),
            "difference to the parameter count on the networks both rank, resampled in pairs",
            interval=True,
            sign=True,
            sign_ends=True,
        ),
        *(_function_columns(table, level) if table.n_functions else ()),
        Column(
            "coverage",
            "coverage",
            "correlation.coverage",
            "share of the population that is ranked",
            show=percent,
            aside=bool(table.n_functions),
        ),
        Column(
            "ties",
            "ties",
            "correlation.ties_score",
            "share of pairs with equal scores",
            show=percent,
        ),
        Column(
            "alone_s",
            "s/arch",
            note="median seconds an architecture, had the indicator been measured by itself",
            show=seconds,
            ascending=True,
        ),
    )


def _fair_columns(table: CorrelationTable) -> tuple[Column, Column]:
    """Coefficients by which rows that lack different networks can be compared."""
    return (
        Column(
            "tau_common",
            f"{TAU}-b, common {table.n_common:,}",
            "correlation.tau_common",
            "on the networks that all rows have; rows that lack more than a fifth do not count",
        ),
        Column(
            "tau_failures_last",
            f"{TAU}-b, failures last",
            "correlation.tau_failures_last",
            "missing scores tied behind all others",
        ),
    )


def _function_columns(table: CorrelationTable, level: str) -> tuple[Column, Column]:
    """The same coefficients with each functional class counted once."""
    return (
        Column(
            "tau_functions",
            f"{TAU}-b, functions{level}",
            lambda row: estimate_of(row.functions, "tau"),
            "over one architecture of each functional class",
            interval=True,
        ),
        Column(
            "delta_functions",
            f"{TAU} {MINUS} params, functions{level}",
            lambda row: _delta(row.functions, level=1 - table.confidence),
            interval=True,
            sign=True,
            sign_ends=True,
        ),
    )


def _delta(row: CorrelationRow | None, *, level: float) -> Value:
    """The difference to the parameter count, with a star where Holm's method tells it apart."""
    if row is None or math.isnan(row.delta_tau):
        return None
    star = STAR if row.delta_p_holm <= level else ""
    text = f"{decimal(row.delta_tau, sign=True)}{star}"
    return Cell(text, row.delta_tau, row.delta_low, row.delta_high, signed=True)


def correlation_grid(table: CorrelationTable) -> Grid:
    """Tabulate the rows by descending tau-b, for readers."""
    return Grid("correlations", columns(table), table.ranked)


def label_of_row(row: TableRow | AgreementRow, notes: tuple[ProtocolNote, ...]) -> str:
    """Write the indicator's id, an arrow if lower is better, and its protocol's number.

    A double dagger stands before the number of an aggregate.
    """
    arrow = "" if row.higher_is_better else f" {ARROW}"
    computed = AGGREGATE if row.members else ""
    return f"{row.indicator}{arrow}{computed}{mark(protocol_number(row, notes))}"


_LEAVE_OUT_FIRST = (
    *("ties", "alone_s", "coverage", "rho"),
    *("tau_failures_last", "delta_functions", "tau_functions", "delta", "tau_common"),
)
_PADDING = 3  # a space on either side and the rule between columns


def correlation_table(table: CorrelationTable, *, width: int | None = None) -> Table:
    """Make a rich table of the rows, without the facts beside them.

    Marks refer to the lines of `note_lines`.

    Args:
        width: characters there are; columns that do not fit are left out, the least important
            first, and the caption names them. None: all columns.

    Returns:
        Right-aligned numbers; names are taken as text, never as markup.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    rows = table.ranked
    shown = {column.name: column for column in columns(table)}
    texts = {name: [c.cell(row).whole for row in rows] for name, c in shown.items()}
    wide = {
        name: max(map(cell_len, [shown[name].heading, *texts[name]])) + _PADDING for name in shown
    }
    left_out: list[str] = []
    for name in filter(wide.__contains__, _LEAVE_OUT_FIRST):
        if width is None or sum(wide.values()) <= width:
            break
        del wide[name]
        left_out.append(shown[name].heading)
    names = ", ".join(left_out)
    grid = Table(
        title=Text(table.title),
        caption=Text(f"too narrow for: {names}") if left_out else None,
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=True,
        show_edge=False,
    )
    for name in wide:
        justify: Literal["left", "right"] = "right" if shown[name].kind == "number" else "left"
        grid.add_column(Text(shown[name].heading), justify=justify, no_wrap=True)
    for i in range(len(rows)):
        grid.add_row(*(Text(texts[name][i]) for name in wide))
    return grid
