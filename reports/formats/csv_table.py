"""CSV: one line an indicator, every line complete by itself; fixed decimals for clean diffs."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from untrained.reports.blocks.agreement import full_grid
from untrained.reports.blocks.side_by_side import changes_grid
from untrained.reports.formats.formats import report_format
from untrained.reports.formats.grid_files import grid_csv
from untrained.reports.pages.report import Report

if TYPE_CHECKING:
    from untrained.results import CorrelationTable, TableRow

_TABLE_FIELDS = (
    "title",
    "space",
    "population",
    "target",
    "truth_source",
    "truth_sha256",
    "resamples",
    "confidence",
    "bootstrap_seed",
)
_STATISTICS = (
    "tau",
    "tau_low",
    "tau_high",
    "rho",
    "rho_low",
    "rho_high",
    "tau_failures_last",
    "ties_score",
    "ties_truth",
    "delta_tau",
    "delta_low",
    "delta_high",
    "coverage",
)


@report_format("csv", title="CSV, one line an indicator, for spreadsheets and diffs", suffix=".csv")
def render(report: Report) -> str:
    """The tables of a report below one another, without its points, summary and environments.

    A missing number is an empty field; statistics have six decimals; several seeds are separated
    by spaces, failures are written `status=count`,
    or `member:status=count` of an aggregate, whose members and their protocols are separated by
    spaces too.

    A report that has only tables without accuracies, or only two stores side by side, gives these,
    under columns of other names; beside tables with accuracies they are left to the format
    `tables`.
    """
    if report.comparisons and not report.sections:
        return grid_csv(changes_grid(*report.comparisons))
    if report.agreements and not report.sections:
        return grid_csv(full_grid(*report.agreements))
    stream = io.StringIO()
    lines = [
        _line(section.table, row) for section in report.sections for row in section.table.ranked
    ]
    writer = csv.DictWriter(stream, fieldnames=_fields(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _fields() -> list[str]:
    return [
        *_TABLE_FIELDS,
        *("indicator", "version", "protocol", "seeds", "higher_is_better", "n", "n_population"),
        *_STATISTICS,
        *("failures", "alone_s", "members"),
    ]


def _line(table: CorrelationTable, row: TableRow) -> dict[str, object]:
    line: dict[str, object] = {name: getattr(table, name) for name in _TABLE_FIELDS}
    line |= {
        "indicator": row.correlation.indicator,
        "version": row.version,
        "protocol": row.protocol,
        "seeds": " ".join(map(str, row.seeds)),
        "higher_is_better": str(row.higher_is_better).lower(),
        "n": row.correlation.n,
        "n_population": row.correlation.n_population,
        "failures": " ".join(f"{status}={n}" for status, n in sorted(row.failures)),
        "alone_s": _number(row.alone_s),
        "members": " ".join(row.members),
    }
    return line | {name: _number(getattr(row.correlation, name)) for name in _STATISTICS}


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:z.6f}"
