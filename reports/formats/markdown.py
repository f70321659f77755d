"""Markdown: a table that can be pasted into a paper or a README, and what it takes to trace it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from untrained.reports.blocks.block import Part, parts_of
from untrained.reports.formats.formats import report_format
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.columns import correlation_grid
from untrained.reports.tables.facts import entries, facts, note_lines
from untrained.reports.tables.grid import Grid

_NONE: Mapping[str, str] = MappingProxyType({})


@report_format("markdown", title="Markdown, for a paper or a README", suffix=".md")
def render(report: Report, *, pictures: Mapping[str, str] = _NONE) -> str:
    """Render GitHub-flavoured Markdown, with figures in files beside it.

    Args:
        pictures: files of figures of parts, by the figures' names; other figures are left out.
    """
    blocks = [f"# {escape(report.title)}"]
    blocks += map(_paragraph, report.paragraphs)
    for section in report.sections:
        blocks += _section(section, pictures)
    for part in parts_of(report):
        blocks += _part(part, "##", pictures)
    for number, environment in enumerate(report.environments, start=1):
        which = f" {number}" if len(report.environments) > 1 else ""
        items = (f"{name}: {text}" for name, text in entries(environment))
        blocks += [f"## Environment{which}", _items(items)]
    if report.version:
        blocks.append(escape(f"Tables made by untrained {report.version}."))
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    r"""Escape text so that Markdown shows it unchanged, on one line.

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
    """Write a paragraph; lines that begin with a bullet become a list."""
    said, *items = re.split(r"^\N{BULLET} ", text, flags=re.MULTILINE)
    return "\n\n".join(part for part in (escape(said), _items(items)) if part)


def _section(section: Section, pictures: Mapping[str, str]) -> list[str]:
    table = section.table
    blocks = [f"## {escape(table.title)}", _items(f"{f.name}: {f.text}" for f in facts(table))]
    blocks.append(grid_table(correlation_grid(table)))
    blocks.append(_items(note_lines(table)))
    for part in parts_of(section):
        blocks += _part(part, "###", pictures)
    if table.command:
        blocks.append(f"Made by\n\n{_fence(table.command)}")
    return blocks


def _part(part: Part, level: str, pictures: Mapping[str, str]) -> list[str]:
    """Write table, pictures and text of a part; nothing if it has neither table nor picture."""
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
    """Write a table in Markdown, without the columns for wide pages; numbers are on the right."""
    lines = []
    for column in grid.narrow:
        cells = [column.cell(row).whole for row in grid.rows]
        numeric = column.kind == "number"
        # brackets at the end of a heading hold a level of confidence; no link can follow
        heading = re.sub(r"\\\[([^\[\]\\]*)\\\]$", r"[\1]", escape(column.heading))
        texts = [heading, *(cells if numeric else map(escape, cells))]
        width = max(3, *map(len, texts))
        rule = "-" * (width - 1)
        padded = [text.rjust(width) if numeric else text.ljust(width) for text in texts]
        lines.append([padded[0], f"{rule}:" if numeric else f":{rule}", *padded[1:]])
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*lines, strict=True))


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _fence(command: str) -> str:
    longest = max(map(len, re.findall(r"`+", command)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}sh\n{command}\n{ticks}"
