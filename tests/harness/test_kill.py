"""Whatever ends a run, the same command finishes it with the rows of an undisturbed one."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

import pandas as pd
import pytest

from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import PlainProgress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.results import ScoreStore

SAMPLE, INDICATORS, PER_NETWORK = 28, "naswot,grad_norm,synflow", 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_study, rows) -> pd.DataFrame:
    """The rows of an undisturbed run, in this process."""
    path = tmp_path_factory.mktemp("whole") / "s.sqlite"
    study = tiny_study(indicators=INDICATORS.split(","), population={"n": SAMPLE})
    with ScoreStore(path) as store:
        run_plans(plan_study(study), store, executor=SerialExecutor(), progress=PlainProgress())
    return rows(path)


def stored(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as connection:
            return int(connection.execute("SELECT count(*) FROM score").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are not made yet
        return 0


def wait_for_rows(path: Path, count: int, process) -> None:
    end = time.monotonic() + 240
    while stored(path) < count:
        assert process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < end, "the run stores nothing"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_killed_several_times_ends_with_the_rows_of_an_undisturbed_one(
    tmp_path: Path, start, untrained, score_arguments, rows, whole: pd.DataFrame
):
    store = tmp_path / "cut.sqlite"
    for workers, count in ((1, 1), (2, 18)):
        process = start(
            *score_arguments(store, sample=SAMPLE, indicators=INDICATORS, workers=workers)
        )
        wait_for_rows(store, count, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        done = rows(store)
        assert count <= len(done) < SAMPLE * PER_NETWORK
        assert (done.groupby("architecture").size() == PER_NETWORK).all(), "a network half stored"
    code, _, err = untrained(*score_arguments(store, sample=SAMPLE, indicators=INDICATORS))
    assert code == 0, err
    assert "are stored already" in err
    assert rows(store).equals(whole)


@pytest.mark.slow
def test_two_runs_at_once_on_one_store_do_no_harm(
    tmp_path: Path, start, score_arguments, rows, whole: pd.DataFrame
):
    store = tmp_path / "both.sqlite"
    arguments = score_arguments(store, sample=SAMPLE, indicators=INDICATORS)
    both = [start(*arguments) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    assert rows(store).equals(whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_130_and_keeps_what_is_done(
    tmp_path: Path, number, start, score_arguments, rows, whole: pd.DataFrame
):
    store = tmp_path / "stopped.sqlite"
    arguments = score_arguments(store, sample=SAMPLE, indicators=INDICATORS, workers=2)
    process = start(*arguments)
    wait_for_rows(store, 9, process)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "untrained: interrupted" in err
    assert "run the same command again" in err
    assert "Traceback" not in err
    done = rows(store)
    assert 9 <= len(done) < len(whole)
    merged = done.merge(whole)
    assert len(merged) == len(done), "what is stored is what an undisturbed run stores"


@pytest.mark.slow
def test_a_full_disk_ends_with_2_keeps_what_is_done_and_says_how_to_go_on(
    tmp_path: Path, start, untrained, score_arguments, rows
):
    store, other = tmp_path / "full.sqlite", tmp_path / "undisturbed.sqlite"
    arguments = score_arguments(store, sample=150, indicators="params,random")
    limit = 100_000  # bytes a file may have: enough for some scores, not for all
    process = start(*arguments, file_size=limit)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert "Traceback" not in err
    message = next(line for line in err.splitlines() if line.startswith("untrained: "))
    assert "scores of this run are stored and none of them is lost" in message
    assert "run the same command again" in message
    done = len(rows(store))
    assert 0 < done < 300
    code, _, err = untrained(*arguments)
    assert code == 0, err
    assert f"({done} are stored already)" in err
    untrained(*score_arguments(other, sample=150, indicators="params,random"))
    assert rows(store).equals(rows(other))
