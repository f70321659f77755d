"""LaTeX: tables for a paper, each in a `table` environment, made with booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from untrained.reports.blocks.block import Part, parts_of
from untrained.reports.formats.formats import report_format, template_environment
from untrained.reports.pages.report import Report, Section
from untrained.reports.tables.columns import MINUS, RHO, TAU, correlation_grid
from untrained.reports.tables.facts import facts, note_lines
from untrained.reports.tables.grid import Grid

_MATHS = {
    TAU: r"$\tau$",
    RHO: r"$\rho$",
    "↓": r"$\downarrow$",
    "‡": r"$\ddagger$",
    MINUS: "$-$",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "…": r"\ldots{}",
    **{digit: f"$^{{{i}}}$" for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}


@dataclass(frozen=True, slots=True)
class _Tabular:
    """One table as LaTeX, every text escaped."""

    caption: str
    label: str
    alignment: str
    heading: str
    rows: tuple[str, ...]
    notes: tuple[str, ...]


@report_format("latex", title="LaTeX (booktabs), for a paper", suffix=".tex")
def render(report: Report) -> str:
    r"""Render a document that compiles by itself; its tables can be copied into a paper.

    The preamble that the tables need (booktabs, graphicx) stands at the top. Tables wider than the
    line are scaled down to it.
    """
    # braces and per cent signs are LaTeX's own
    environment = template_environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    tabulars = [one for i, s in enumerate(report.sections, start=1) for one in _section(s, i)]
    tabulars += [_part(part, "all") for part in parts_of(report) if _shown(part)]
    return environment.get_template("report.tex.j2").render(
        title=escape(report.title),
        paragraphs=list(map(escape, report.paragraphs)),
        tabulars=tabulars,
        version=escape(report.version),
    )


def escape(text: str) -> str:
    r"""Escape text so that LaTeX prints it unchanged, on one line.

    A letter that pdfLaTeX's fonts may lack becomes its number.

    >>> escape("grad_norm 5 % of {x} & $y$ ~ \\frac")
    'grad\\_norm 5 \\% of \\{x\\} \\& \\$y\\$ \\textasciitilde{} \\textbackslash{}frac'
    >>> escape("τ-b ↓ 中")
    '$\\tau$-b $\\downarrow$ [U+4E2D]'
    """
    # two hyphens or commas would be drawn as one character
    apart = re.sub(r"([-,])(?=\1)", "\\1\0", " ".join(text.replace("\0", "\ufffd").split()))
    return "".join(_character(c) for c in apart)


def _character(c: str) -> str:
    if c == "\0":
        return "{}"
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c in _MATHS:
        return _MATHS[c]
    # T1 with UTF-8 input covers Latin-1's letters; U+00AD and control characters print nothing
    if " " <= c <= "~" or ("\u00c0" <= c <= "\u00ff"):
        return c
    return f"[U+{ord(c):04X}]"


def _section(section: Section, number: int) -> list[_Tabular]:
    table = section.table
    sources = "; ".join(f"{fact.name}: {fact.text}" for fact in facts(table))
    main = _tabular(
        correlation_grid(table),
        f"{escape(table.title)}. {escape(sources)}.",
        str(number),
        (*note_lines(table), _made_by(table.command)),
    )
    parts = [_part(part, str(number)) for part in parts_of(section) if _shown(part)]
    return [main, *parts]


def _shown(part: Part) -> bool:
    return part.grid is not None and not part.repeats


def _part(part: Part, place: str) -> _Tabular:
    assert part.grid is not None
    return _tabular(
        part.grid,
        f"{escape(part.title)}. {escape(part.meaning)}",
        f"{place}-{part.name}",
        (part.grid.legend, *part.notes, _made_by(part.command)),
    )


def _made_by(command: str) -> str:
    return f"Made by: {command}" if command else ""


def _tabular(grid: Grid, caption: str, label: str, notes: Iterable[str]) -> _Tabular:
    return _Tabular(
        caption=caption,
        label=f"tab:{label}",
        alignment="".join("r" if c.kind == "number" else "l" for c in grid.narrow),
        heading=_line([c.heading for c in grid.narrow]),
        rows=tuple(_line([c.cell(row).whole for c in grid.narrow]) for row in grid.rows),
        notes=tuple(escape(line) for line in notes if line),
    )


def _line(cells: list[str]) -> str:
    # a bracket behind the end of a row would be read as its optional argument
    signed = (re.sub(r"(?<![\w.])-(?=\d)", MINUS, cell) for cell in cells)
    return " & ".join(re.sub(r"^\[", "{[}", escape(cell)) for cell in signed)
