"""The LaTeX document: it compiles, and no text of a report is LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.formats.latex import escape
from untrained.results import CorrelationTable, TableRow

HOSTILE = "[\\input{/etc/passwd}] \\end{table} % & $x_1$ #1 ^ ~ {} <b> | \" ' ` -- ,, 中 \x00 \\\\"
LATEX = shutil.which("pdflatex")
needs_latex = pytest.mark.skipif(
    LATEX is None, reason="no pdflatex on the path: LaTeX reports are not compiled"
)


def compile_latex(text: str, folder: Path) -> None:
    (folder / "report.tex").write_text(text, "utf-8")
    assert LATEX
    done = subprocess.run(
        [LATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "report.pdf").stat().st_size > 1000


@pytest.fixture
def hostile(table: Callable[..., CorrelationTable], row: Callable[..., TableRow]) -> Report:
    names = ("title", "space", "population", "target", "truth_source", "command")
    made = table(row(HOSTILE, title=HOSTILE), **dict.fromkeys(names, HOSTILE), notes=(HOSTILE,))
    return Report(HOSTILE, (Section(made),), summary=HOSTILE, version=HOSTILE)


def test_hostile_text_stays_text(hostile: Report) -> None:
    text = formats["latex"].render(hostile)
    assert "\\input{" not in text
    assert text.count("\\end{table}") == text.count("\\begin{table}") == 1
    assert "\x00" not in text
    assert re.search(r"(?<!\\)\$x", text) is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("grad_norm 5 % & #1", "grad\\_norm 5 \\% \\& \\#1"),
        ("\\frac{a}{b}", "\\textbackslash{}frac\\{a\\}\\{b\\}"),
        ("τ-b ↓ 中", "$\\tau$-b $\\downarrow$ [U+4E2D]"),
        ("--store a,,b", "-{}-store a,{},b"),
        ("two\n\nlines", "two lines"),
    ],
)
def test_specials_are_escaped(text: str, written: str) -> None:
    assert escape(text) == written


def test_every_table_with_a_grid_is_there(full_report: Report) -> None:
    text = formats["latex"].render(full_report)
    for caption in ("The top of the ranking", "Size bias", "Redundancy", "Indicators over tasks"):
        assert f"\\caption{{{caption}." in text
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(labels) == len(set(labels)) == text.count("\\toprule")
    assert formats["latex"].render(full_report) == text


@needs_latex
@pytest.mark.slow
def test_it_compiles(full_report: Report, tmp_path: Path) -> None:
    compile_latex(formats["latex"].render(full_report), tmp_path)


@needs_latex
@pytest.mark.slow
def test_hostile_text_compiles(hostile: Report, tmp_path: Path) -> None:
    compile_latex(formats["latex"].render(hostile), tmp_path)
