"""A third-party space in one file: searches, landscape, costs and supernet of the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SIZE = ("--channels", "4", "--cells", "1", "--batch-size", "4")
INDICATORS = ("naswot", "params", "ntk_trace_label", "ntk_condition_label")
RUN = """
import json, sys
from untrained.harness.cli.main import app
for command in json.load(sys.stdin):
    app(command, standalone_mode=False)
"""


@pytest.fixture(scope="module")
def results(outside, tmp_path_factory):
    """What the searches of one process write, by searcher."""
    project = outside(Path(__file__).parent / "space")
    folder = tmp_path_factory.mktemp("results")
    store = str(folder / "s.sqlite")
    search = ("search", "--space", "tiny", "--workers", "1", "--runs", "2")
    of = {
        "reinforce": (
            *("--indicator", "naswot", "--scores", store),
            *("--set", "by=scores", "--set", "steps=8"),
        ),
        "tpe": ("--set", "by=accuracy", "--set", "steps=6", "--budget", "60"),
        "hnas": (
            *("--indicator", "hnas", "--scores", store),
            *("--set", "n=5", "--set", "steps=3"),
        ),
        "te_nas": (*SIZE, "--indicator", "synflow,params", "--set", "repeats=1"),
    }
    score = ("score", "--space", "tiny", "--all", "--store", store, *SIZE, "--workers", "1")
    commands = [
        [
            *score,
            "--dataset",
            "stripes",
            "--indicators",
            ",".join(INDICATORS),
        ],
        *(
            [*search, "--searcher", name, *more, "--output", str(folder / name)]
            for name, more in of.items()
        ),
    ]
    path = [str(project.site), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(commands),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("searcher", ["reinforce", "tpe", "hnas", "te_nas"])
def test_a_space_in_one_file_is_searched(results, searcher):
    runs = pd.read_csv(results / searcher / "runs.csv")
    assert len(runs) == 2
    assert runs["architecture"].str.match(r"\|\w+~0\|\+\|\w+~0\|\w+~1\|$").all()
    assert runs.filter(like="accuracy").ge(25).all(axis=None)


def test_its_decisions_make_a_landscape(results):
    assert (results / "reinforce" / "landscape.svg").is_file()


def test_its_training_cost_is_charged(results):
    report = (results / "tpe" / "report.md").read_text("utf-8")
    assert "MODELLED by the tiny space" in report
    # a training of 3 epochs costs 3 s and 3 s more a convolution
    runs = pd.read_csv(results / "tpe" / "runs.csv")
    assert ((runs["cost_s"] % 3 == 0) & runs["cost_s"].between(3 * runs["evaluations"], 60)).all()
