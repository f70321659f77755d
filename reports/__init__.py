"""Tables, figures and documents, rendered from results."""

from untrained.reports.agreement_part import agreement_facts, agreement_grid, agreement_notes
from untrained.reports.factor_part import factor_part
from untrained.reports.facts import facts, note_lines
from untrained.reports.formats import Format, formats, report_format
from untrained.reports.report import Report, Section
from untrained.reports.side_by_side_part import verdict_counts
from untrained.reports.text import correlation_table
from untrained.reports.writing import write_report

__all__ = [
    "Format",
    "Report",
    "Section",
    "agreement_facts",
    "agreement_grid",
    "agreement_notes",
    "correlation_table",
    "factor_part",
    "facts",
    "formats",
    "note_lines",
    "report_format",
    "verdict_counts",
    "write_report",
]
