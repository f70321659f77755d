"""Each recipe of CONTRIBUTING.md, carried out on a copy of the project and used as a user would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import untrained.harness

ROOMS = ("foundation", "harness", "indicators", "reports", "results", "spaces")
PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"<!-- recipe: (\S+)(.*?) -->\n```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with every file of the page added; committed data is linked."""
    (source,) = {Path(place).resolve().parent for place in untrained.harness.__path__}
    copy = tmp_path_factory.mktemp("copy") / "untrained"
    for room in ROOMS:
        shutil.copytree(
            source / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "committed")
        )
    (copy / "results" / "committed").symlink_to(source / "results" / "committed")
    for name, place, text in RECIPES:
        path = copy / name
        assert path.exists() == bool(place), name  # an addition to a file, or a new file
        if place:
            before, mark, after = path.read_text("utf-8").partition("\n}\n")  # of COMMANDS
            assert mark
            path.write_text(f"{before}\n{text.rstrip()}{mark}{after}", "utf-8")
        else:
            path.write_text(text, encoding="utf-8")
    return copy


SERVE = """
import contextlib, io, json, os, sys
from untrained.harness.cli.main import app
for line in sys.stdin:
    folder, command = json.loads(line)
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        app(command, standalone_mode=False)
    print(json.dumps(out.getvalue()), flush=True)
"""


@pytest.fixture(scope="module")
def command_line(project: Path, tmp_path_factory: pytest.TempPathFactory):
    """One process of the copied project, which carries out one command line after another."""
    errors = tmp_path_factory.mktemp("errors") / "errors.txt"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env={**os.environ, "PYTHONPATH": str(project.parent), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):

        def call(folder: Path, command: tuple[str, ...]) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([str(folder), command]) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, errors.read_text()[-3000:]
            return str(json.loads(answer))

        yield call
        process.kill()


@pytest.fixture
def run(command_line, tmp_path: Path):
    return lambda *command: command_line(tmp_path, command)


SCORE = ("--channels", "4", "--workers", "1", "--store", "s.sqlite")


def test_there_are_five_recipes():
    titles = re.findall(r"^## (Add .*)$", PAGE, re.MULTILINE)
    assert len(titles) == 5
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    assert all("<!-- recipe:" in part for part in sections if part.startswith("Add "))


def test_the_indicator_ranks_networks(run):
    assert "weight_spread" in run("list", "indicators")
    run("score", "--space", "nasbench201", "--sample", "12", *SCORE, "--cells", "1",
        "--indicators", "weight_spread,params")  # fmt: skip
    table = run("correlate", "--store", "s.sqlite")
    assert re.search(r"^.*weight_spread.*\b12\b", table, re.MULTILINE)


def test_the_space_is_scored_and_searched(run):
    assert "plain_widths" in run("list", "spaces")
    run("score", "--space", "plain_widths", "--all", *SCORE, "--cells", "1",
        "--indicators", "params,naswot", "--batch-size", "8")  # fmt: skip
    found = run("search", "--searcher", "random", "--set", "n=50", "--indicator", "params",
                "--space", "plain_widths", "--scores", "s.sqlite", "--runs", "1",
                "--evaluations", "50")  # fmt: skip
    assert "plain_widths" in found


def test_the_searcher_searches(run):
    assert "walk" in run("list", "searchers")
    run("score", "--space", "nasbench201", "--sample", "20", *SCORE, "--cells", "1",
        "--indicators", "params")  # fmt: skip
    found = run("search", "--searcher", "walk", "--set", "n=30", "--indicator", "params",
                "--space", "nasbench201", "--scores", "s.sqlite", "--confined",
                "--runs", "2")  # fmt: skip
    assert re.search(r"^\s*walk\b", found, re.MULTILINE)


def test_the_block_is_part_of_a_report(run, tmp_path):
    run("score", "--space", "nasbench201", "--sample", "12", *SCORE, "--cells", "1",
        "--indicators", "params,depth")  # fmt: skip
    run("report", "--store", "s.sqlite", "--output", "page")
    assert "### Ties" in (tmp_path / "page" / "report.md").read_text("utf-8")


def test_the_command_runs(run):
    assert "classes" in run("--help")
    assert run("classes", "nasbench201", "--sample", "40").strip().endswith("architectures")
