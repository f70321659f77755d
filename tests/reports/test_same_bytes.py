"""Same input, same bytes: every format and figure, in any process, from data in any order."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from untrained.reports import Report, Section, formats
from untrained.reports.formats.file_formats import named_figures, named_grids
from untrained.reports.formats.formats import Content
from untrained.results import CorrelationTable

HERE = Path(__file__).parent
SCRIPT = """
import importlib.util, json, sys
sys.path.insert(0, sys.argv[1])
import test_same_bytes as mine
spec = importlib.util.spec_from_file_location("made", sys.argv[1] + "/conftest.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
print(json.dumps(mine.digests(mine.everything(made, turned=sys.argv[2] == "turned"))))
"""


def everything(made: object, *, turned: bool) -> list[Report]:
    """A report with every part, and one with scatter plots, of points and of densities."""
    full = Report(
        "Everything",
        (
            Section(made.make_full_table(4, title="Space: task one")),  # type: ignore[attr-defined]
            Section(made.make_full_table(2, title="Space: task two")),  # type: ignore[attr-defined]
        ),
        environments=({"torch": "2.13.0", "git": {"dirty": False, "commit": None}},),
        version="0.1.0",
        task_comparison=made.make_comparison(),  # type: ignore[attr-defined]
    )
    drawn = made.make_section(indicators=3, title="Drawn")  # type: ignore[attr-defined]
    if turned:
        # what was measured in another order is the same
        drawn = replace(
            drawn,
            table=replace(drawn.table, rows=drawn.table.rows[::-1]),
            scores=drawn.scores.iloc[::-1, ::-1],
            truth=drawn.truth.sample(frac=1, random_state=1),
        )
    return [full, Report("Drawn", (drawn,), version="0.1.0")]


def digests(reports: list[Report]) -> dict[str, str]:
    found = {}
    for number, report in enumerate(reports):
        for name, item in formats.items():
            if number and name in ("svg", "pdf"):
                continue  # among the figures of the report before
            made = item.make(report)
            files = {"": made} if isinstance(made, str | bytes) else made
            for file, content in files.items():
                found[f"{number} {name} {file}"] = hashlib.sha256(_bytes(content)).hexdigest()
    return found


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def test_every_file_of_every_format_is_the_same_in_another_process_and_order() -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(HERE), order],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, order in (("1", "straight"), ("2", "turned"))
    ]
    found = [json.loads(one.communicate(timeout=300)[0].splitlines()[-1]) for one in both]
    assert found[0].keys() == found[1].keys()
    assert [key for key in found[0] if found[0][key] != found[1][key]] == []
    kinds = {key.split()[1] for key in found[0]}
    assert kinds == set(formats)
    assert sum(key.endswith(".svg") for key in found[0]) >= 10
    assert sum(key.endswith(".csv") for key in found[0]) >= 10


def test_every_figure_is_drawn_as_both_files_and_every_table_as_one(
    full_table: Callable[..., CorrelationTable],
) -> None:
    full_report = Report("Small", (Section(full_table(2)), Section(full_table(2, title="B"))))
    figures = formats["figures"].make(full_report)
    assert isinstance(figures, dict)
    names = [name for name, _ in named_figures(full_report)]
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
    tables = formats["tables"].make(full_report)
    assert isinstance(tables, dict)
    grids = dict(named_grids(full_report))
    assert set(tables) == {f"{name}.csv" for name in grids}
    for name, grid in grids.items():
        content = tables[f"{name}.csv"]
        assert isinstance(content, str)
        assert content.count("\n") == len(grid.rows) + 1
        assert "\r" not in content
