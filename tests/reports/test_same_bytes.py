"""Same input, same bytes: every format and figure, in any process, from data in any order."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.formats.file_formats import named_figures, named_grids
from untrained.reports.formats.formats import Content

HERE = Path(__file__).parent
SCRIPT = """
import importlib.util, json, sys
sys.path.insert(0, sys.argv[1])
import test_same_bytes as mine
spec = importlib.util.spec_from_file_location("made", sys.argv[1] + "/conftest.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
print(json.dumps(mine.digests(mine.files(mine.everything(made, turned=True)))))
"""


def everything(made: object, *, turned: bool) -> Report:
    """A report with every part, and one table with scatter plots, of points and of densities."""
    drawn = made.make_section(indicators=3, title="Drawn")  # type: ignore[attr-defined]
    if turned:
        # what was measured in another order is the same
        drawn = replace(
            drawn,
            table=replace(drawn.table, rows=drawn.table.rows[::-1]),
            scores=drawn.scores.iloc[::-1, ::-1],
            truth=drawn.truth.sample(frac=1, random_state=1),
        )
    return Report(
        "Everything",
        (Section(made.make_full_table(4, title="Space: task one")), drawn),  # type: ignore[attr-defined]
        environments=({"torch": "2.13.0", "git": {"dirty": False, "commit": None}},),
        version="0.1.0",
        task_comparison=made.make_comparison(),  # type: ignore[attr-defined]
    )


def files(report: Report) -> dict[str, dict[str, Content]]:
    """By format and name; a document has none."""
    made = {name: item.make(report) for name, item in formats.items()}
    return {k: {"": item} if isinstance(item, str | bytes) else item for k, item in made.items()}


def digests(made: dict[str, dict[str, Content]]) -> dict[str, str]:
    return {
        f"{name} {file}": hashlib.sha256(_bytes(content)).hexdigest()
        for name, of_format in made.items()
        for file, content in of_format.items()
    }


@pytest.fixture(scope="module")
def report() -> Report:
    from . import conftest  # the other process has it by its path

    return everything(conftest, turned=False)


@pytest.fixture(scope="module")
def made(report: Report) -> dict[str, dict[str, Content]]:
    return files(report)


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def test_every_file_of_every_format_is_the_same_in_another_process_and_order(
    made: dict[str, dict[str, Content]],
) -> None:
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(HERE)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    here, there = digests(made), json.loads(done.stdout.splitlines()[-1])
    assert here.keys() == there.keys()
    assert [key for key in here if here[key] != there[key]] == []
    assert made.keys() == set(formats)
    assert sum(key.endswith(".svg") for key in here) >= 10
    assert sum(key.endswith(".csv") for key in here) >= 10


def test_every_figure_is_drawn_as_both_files_and_every_table_as_one(
    report: Report, made: dict[str, dict[str, Content]]
) -> None:
    figures, tables = made["figures"], made["tables"]
    names = [name for name, _ in named_figures(report)]
    assert len(names) == len(set(names)) > 6
    assert set(figures) == {f"{name}.{kind}" for name in names for kind in ("svg", "pdf")}
    for name, content in figures.items():
        if name.endswith(".svg"):
            root = ET.fromstring(content)
            assert root.tag.endswith("svg")
            assert not any(node.tag.endswith("}date") for node in root.iter())
        else:
            assert isinstance(content, bytes)
            assert content.startswith(b"%PDF-")
            assert content.rstrip().endswith(b"%%EOF")
            assert b"CreationDate" not in content
    grids = dict(named_grids(report))
    assert set(tables) == {f"{name}.csv" for name in grids}
    for name, grid in grids.items():
        content = tables[f"{name}.csv"]
        assert isinstance(content, str)
        assert content.count("\n") == len(grid.rows) + 1
        assert "\r" not in content
