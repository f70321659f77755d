"""Tables, figures and documents, rendered from results."""

from untrained.reports.blocks.agreement import agreement_facts, agreement_grid, agreement_notes
from untrained.reports.blocks.block import Part, report_block, report_blocks
from untrained.reports.blocks.side_by_side import verdict_counts
from untrained.reports.blocks.stability import factor_part
from untrained.reports.formats.formats import Format, formats, report_format, write_report
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.columns import correlation_table
from untrained.reports.tables.facts import facts, note_lines

__all__ = [
    "Format",
    "Part",
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
    "report_block",
    "report_blocks",
    "report_format",
    "verdict_counts",
    "write_report",
]
