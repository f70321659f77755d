"""Markdown: a table that can be pasted into a paper or a README, and what it takes to trace it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from untrained.reports.blocks.block import Part, parts_of
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.columns import columns, label
from untrained.reports.tables.environment import entries
from untrained.reports.tables.facts import facts, note_lines
from untrained.reports.tables.grid import Grid

_NONE: Mapping[str, str] = MappingProxyType({})


@report_format("markdown", title="Markdown, for a paper or a README", suffix=".md")
def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    return document(report)


def document(report: Report, *, pictures: Mapping[str, str] = _NONE) -> str:
    """The report as GitHub-flavoured Markdown, with figures that lie beside it.

    Args:
        pictures: files of figures of parts, by the figures' names; other figures are left out.
    """
    blocks = [f"# {escape(report.title)}"]
    blocks += [_paragraph(part) for part in re.split(r"\n\s*\n", report.summary) if part.strip()]
    for section in report.sections:
        blocks += _section(section, pictures)
    for part in parts_of(report):
        blocks += _part(part, "##", pictures)
    for number, environment in enumerate(report.environments, start=1):
        which = f" {number}" if len(report.environments) > 1 else ""
        blocks += [f"## Environment{which}", _environment(environment)]
    if report.version:
        blocks.append(escape(f"Tables made by untrained {report.version}."))
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line; underscores inside words stay readable.

    >>> escape("grad_norm |skip~0| <b> *x*")
    'grad_norm \\|skip\\~0\\| &lt;b&gt; \\*x\\*'
    """
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*\[\]|~$])", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    # what would start a heading, a list or an underlined heading at the start of a line
    return re.sub(r"^(\d+(?=[.)](?:\s|$))|(?=[#+\-=]))(.)", r"\1\\\2", text)


def _paragraph(text: str) -> str:
    """A paragraph, of which lines that begin with a bullet become a list."""
    said, *items = re.split(r"^\N{BULLET} ", text, flags=re.MULTILINE)
    return "\n\n".join(part for part in (escape(said), _items(items)) if part)


def _section(section: Section, pictures: Mapping[str, str]) -> list[str]:
    table = section.table
    blocks = [f"## {escape(table.title)}", _items(f"{f.name}: {f.text}" for f in facts(table))]
    shown = columns(table)
    blocks.append(
        _grid(
            ["Indicator", *(column.heading for column in shown)],
            [
                [escape(label(row, table)), *(column.text(row) for column in shown)]
                for row in table.ranked
            ],
        )
    )
    blocks.append(_items(note_lines(table)))
    for part in parts_of(section):
        blocks += _part(part, "###", pictures)
    if table.command:
        blocks.append(f"Made by\n\n{_fence(table.command)}")
    return blocks


def _part(part: Part, level: str, pictures: Mapping[str, str]) -> list[str]:
    """Table and pictures of a part and how to read them; nothing of one that has neither here."""
    drawn = [one for one in part.figures if one.name in pictures]
    grid = None if part.repeats else part.grid
    if grid is None and not drawn:
        return []
    blocks = [f"{level} {escape(part.title)}"]
    if grid is not None:
        blocks.append(grid_table(grid))
    blocks += [f"![{escape(one.text)}]({pictures[one.name]})" for one in drawn]
    blocks.append(escape(part.meaning))
    if grid is not None and grid.legend:
        blocks.append(escape(grid.legend))
    if part.notes:
        blocks.append(_items(part.notes))
    if part.command:
        blocks.append(f"Made by\n\n{_fence(part.command)}")
    return blocks


def grid_table(grid: Grid) -> str:
    """A table in Markdown, without the columns that stand aside."""
    shown = {i: c.kind == "text" for i, c in enumerate(grid.columns) if not c.aside}
    return _grid(
        [escape(grid.columns[i].heading) for i in shown],
        [
            [escape(row[i].whole) if at_left else row[i].whole for i, at_left in shown.items()]
            for row in grid.rows
        ],
        left=list(shown.values()),
    )


def _grid(heading: list[str], rows: list[list[str]], *, left: Sequence[bool] = ()) -> str:
    """A table; without `left` all columns but the first are numbers and stand at the right."""
    left = left or [True] + [False] * (len(heading) - 1)
    widths = [max(3, *map(len, column)) for column in zip(heading, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        padded = [
            cell.ljust(width) if at_left else cell.rjust(width)
            for cell, width, at_left in zip(cells, widths, left, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        ":" + "-" * (width - 1) if at_left else "-" * (width - 1) + ":"
        for width, at_left in zip(widths, left, strict=True)
    ]
    return "\n".join([line(heading), f"| {' | '.join(rule)} |", *map(line, rows)])


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _fence(command: str) -> str:
    longest = max(map(len, re.findall(r"`+", command)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}sh\n{command}\n{ticks}"


def _environment(environment: Mapping[str, object]) -> str:
    return _items(f"{name}: {text}" for name, text in entries(environment))
