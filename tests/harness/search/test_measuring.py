"""Searches that measure as they go: killed, resumed, repeated."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from pathlib import Path

import pandas as pd
import pytest

from untrained.results import ScoreStore

EVALUATIONS = 16
ARGUMENTS = [
    *("search", "--searcher", "rea", "--set", "by=scores", "--space", "nasbench201"),
    *("--indicator", "naswot,synflow", "--benchmark", "nasbench201-analog"),
    *("--evaluations", EVALUATIONS, "--runs", 1, "--seed", 3, "--workers", 1),
    *("--channels", 4, "--cells", 1, "--batch-size", 8),
]


@pytest.fixture(autouse=True)
def _embedded_accuracies(monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)


def stored(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as connection:
            return int(connection.execute("SELECT count(*) FROM score").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are not made yet
        return 0


def trajectory(folder: Path) -> pd.DataFrame:
    """What does not depend on how fast the machine was."""
    steps = pd.read_parquet(folder / "trajectories.parquet")
    return steps[["search", "run", "evaluations", "incumbent"]]


def measured(path: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Value and seconds of every stored score."""
    with ScoreStore.read(path) as store:
        rows = store.frame(space="nasbench201")
    return {
        (row.architecture, row.indicator): (row.value, row.alone_s) for row in rows.itertuples()
    }


def test_a_killed_search_goes_on_and_ends_as_an_undisturbed_one(
    untrained, start, undrawn, tmp_path
):
    cut, whole = tmp_path / "cut.sqlite", tmp_path / "whole.sqlite"
    process = start(*ARGUMENTS, "--store", cut, "--output", tmp_path / "never")
    end = time.monotonic() + 120
    while stored(cut) < 8:
        assert process.poll() is None, process.communicate(60)[1]
        assert time.monotonic() < end, "the search stores nothing"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    before = measured(cut)
    assert 8 <= len(before) < 2 * EVALUATIONS
    assert not list((tmp_path / "never").iterdir())
    code, _, err = untrained(*ARGUMENTS, "--store", cut, "--output", tmp_path / "cut")
    assert code == 0, err
    after = measured(cut)
    assert {key: after[key] for key in before} == before, "nothing is measured again"
    first = untrained(
        *(*ARGUMENTS, "--store", whole, "--output", tmp_path / "whole", "--format", "json")
    )
    assert first.code == 0, first.err
    undisturbed = measured(whole)
    assert {k: v for k, (v, _) in after.items()} == {k: v for k, (v, _) in undisturbed.items()}
    pd.testing.assert_frame_equal(trajectory(tmp_path / "cut"), trajectory(tmp_path / "whole"))
    again = untrained(*ARGUMENTS, "--store", whole, "--format", "json")
    assert measured(whole) == undisturbed, "with a full store nothing is measured"
    # costs are those of the first measurement, so all is the same
    assert json.loads(again.out) == json.loads(first.out)


def test_repeated_scores_are_measured_with_further_seeds(untrained, tmp_path):
    store = tmp_path / "draws.sqlite"
    arguments = [
        *("search", "--searcher", "random", "--set", "n=4", "--set", "draws=3", "--set", "level=1"),
        *("--space", "nasbench201", "--indicator", "naswot", "--runs", 1, "--seed", 3),
        *("--benchmark", "nasbench201-analog", "--channels", 4, "--cells", 1, "--batch-size", 8),
        *("--workers", 1, "--store", store, "--format", "json"),
    ]
    code, _, err = untrained(*arguments)
    assert code == 0, err
    with ScoreStore.read(store) as opened:
        rows = opened.frame(space="nasbench201")
    seeds = rows.groupby("architecture")["seed"].agg(sorted)
    first = rows["seed"].min()
    assert all(of_one == [first, first + 1, first + 2] for of_one in seeds)
    assert (rows.groupby("architecture")["value"].nunique() > 1).any()
