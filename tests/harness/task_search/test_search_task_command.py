"""`untrained search-task` as users type it, on tiny networks."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pytest

from untrained.harness.cli.main import main
from untrained.indicators import indicators
from untrained.indicators.gennas.found import VARIABLE
from untrained.indicators.regression.task_file import read_task
from untrained.results import ScoreStore

TINY = [
    *("--channels", "2", "--cells", "1", "--batch-size", "2", "--training-steps", "2"),
    *("--networks", "4", "--held-out", "3", "--population", "3", "--tournament", "2"),
    *("--workers", "1", "--space", "nasbench201", "--benchmark", "nasbench201-analog"),
    *("--metric", "qat_accuracy"),
]


@pytest.fixture(autouse=True)
def _embedded_accuracies(monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    monkeypatch.setenv(VARIABLE, "")


def lines(folder):
    path = folder / "journal.jsonl"
    return path.read_text().splitlines()[1:] if path.exists() else []


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Folder, standard output and standard error of an undisturbed search."""
    folder = tmp_path_factory.mktemp("search") / "found"
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.delenv("UNTRAINED_DATA", raising=False)
        patch.setenv(VARIABLE, "")
        patch.setenv("COLUMNS", "200")
        words = ["untrained", "search-task", *TINY, "--steps", "3", "--output", str(folder)]
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
    assert not end.value.code, err.getvalue()
    return folder, out.getvalue(), err.getvalue()


def test_a_task_is_found_written_and_used(untrained, found, tmp_path):
    folder, out, err = found
    tasks = pd.read_csv(folder / "tasks.csv")
    assert len(tasks) == 6
    assert tasks["parent"].tolist()[:3] == [0, 0, 0]
    best = tasks.loc[tasks["rho"].idxmax()]
    assert f"found task {best['task']}" in out
    assert "task 6 of 6" in err
    report = (folder / "report.md").read_text()
    assert f"({best['task']})" in report
    assert "combined task, made by hand" in report
    assert "--output" in report
    assert str(folder) not in report
    # rho by hand, from the journal
    losses = pd.DataFrame(map(json.loads, lines(folder)))
    mine = losses[losses["task"] == best["task"]]
    assert len(mine) == 4 + 3
    file = read_task(folder / "task.toml")
    assert file.id == best["task"]
    assert file.steps == 2
    # the indicator gives the very losses that the search has seen
    store = tmp_path / "s.sqlite"
    architectures = tmp_path / "list.txt"
    architectures.write_text("\n".join(mine["architecture"]) + "\n")
    name = f"gennas_task_{file.id}_2"
    code, _, err = untrained(
        *("score", "--space", "nasbench201", "--architectures", architectures),
        *("--indicators", name, "--store", store, "--task", folder / "task.toml"),
        *("--channels", 2, "--cells", 1, "--batch-size", 2, "--workers", 1),
    )
    assert code == 0, err
    with ScoreStore.read(store) as scores:
        frame = scores.frame(space="nasbench201").set_index("architecture")
    for _, row in mine.iterrows():
        assert frame.loc[row["architecture"], "value"] == row["loss"]
    assert indicators[name].uses_accuracy
    # and decides in the architecture search
    code, out, err = untrained(
        *("search", "--searcher", "gennas", "--space", "nasbench201", "--store", store),
        *("--benchmark", "nasbench201-analog", "--task", folder / "task.toml", "--runs", 1),
        *("--channels", 2, "--cells", 1, "--batch-size", 2, "--workers", 1),
        *("--set", "population=2", "--set", "tournament=2", "--set", "steps=2"),
    )
    assert code == 0, err
    assert f"gennas by {name}" in out


def test_a_killed_search_goes_on_and_ends_the_same(untrained, start, found, tmp_path):
    cut, whole = tmp_path / "cut", found[0]
    arguments = ["search-task", *TINY, "--steps", "3"]
    process = start(*arguments, "--output", cut)
    end = time.monotonic() + 120
    while len(lines(cut)) < 6:
        assert process.poll() is None, process.communicate(60)[1]
        assert time.monotonic() < end, "the search measures nothing"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    before = lines(cut)
    assert not (cut / "task.toml").exists()
    code, _, err = untrained(*arguments, "--output", cut)
    assert code == 0, err
    assert "losses are in the journal already" in err
    assert lines(cut)[: len(before) - 1] == before[:-1], "nothing is measured again"
    assert (cut / "task.toml").read_bytes() == (whole / "task.toml").read_bytes()
    columns = ["number", "parent", "task", "rho", "tau", "content"]
    mine, expected = (pd.read_csv(one / "tasks.csv")[columns] for one in (cut, whole))
    pd.testing.assert_frame_equal(mine, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--metric", "valid_accuracy"], "no metric named 'valid_accuracy'"),
        (["--networks", "20000"], "only .* different ones have a cifar10 qat accuracy"),
        (["--input", "nois"], "no input source named 'nois'"),
    ],
)
def test_what_cannot_be_done_is_said(untrained, tmp_path, changes, message):
    code, _, err = untrained("search-task", *TINY, "--output", tmp_path / "x", *changes)
    assert code == 2
    assert re.search(message, err), err


def test_without_validation_accuracies_a_metric_has_to_be_named(untrained, tmp_path):
    arguments = [one for one in TINY if one not in ("--metric", "qat_accuracy")]
    code, _, err = untrained("search-task", *arguments, "--output", tmp_path / "x")
    assert code == 2
    assert "has none there" in err


def test_a_missing_task_is_said(untrained, tmp_path):
    code, _, err = untrained(
        *("search", "--searcher", "gennas", "--space", "nasbench201"),
        *("--store", tmp_path / "s.sqlite", "--task", tmp_path / "no.toml"),
    )
    assert code == 2
    assert "no.toml does not exist; untrained search-task makes such files" in err
