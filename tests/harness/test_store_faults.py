"""What happens to a store while a run writes to it costs no score that is in a whole file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from untrained.foundation import StorageError
from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.results import ScoreStore


class Disturbed(SerialExecutor):
    """Does something after the first result."""

    def __init__(self, disturb) -> None:
        self._disturb = disturb

    def run(self, function, items):
        for number, pair in enumerate(super().run(function, items)):
            yield pair
            if number == 0:
                self._disturb()


@pytest.fixture
def run(tiny_study, tmp_path: Path):
    plans = plan_study(tiny_study(indicators=["params", "random"], population={"n": 3}))

    def go(name="s.sqlite", disturb=lambda: None):
        with ScoreStore(tmp_path / name) as store:
            return run_plans(plans, store, executor=Disturbed(disturb), progress=Progress())

    return go


@pytest.mark.parametrize("fault", ["removed", "replaced", "truncated"])
def test_a_store_that_is_lost_during_a_run_is_named_and_the_run_can_be_repeated(
    run, rows, tmp_path: Path, fault
):
    run("whole.sqlite")
    path, other = tmp_path / "s.sqlite", tmp_path / "other.sqlite"
    ScoreStore(other).close()

    def disturb() -> None:
        if fault == "removed":
            path.unlink()
        elif fault == "replaced":
            shutil.copy(other, tmp_path / "new")
            os.replace(tmp_path / "new", path)
        else:
            os.truncate(path, 0)

    with pytest.raises(StorageError, match="while it was open") as caught:
        run(disturb=disturb)
    assert "none of them is lost" not in str(caught.value)
    for left in tmp_path.glob("s.sqlite*"):
        if fault == "truncated":  # what is left is no store: the user puts nothing back
            left.unlink()
    run()
    assert rows(path).equals(rows(tmp_path / "whole.sqlite"))


def test_two_drivers_on_one_store_complete_it_together(run, rows, tmp_path: Path):
    run("whole.sqlite")
    summaries = []
    first = run(disturb=lambda: summaries.append(run()))
    (second,) = summaries
    assert second.stored_before == 2, "one network was there"
    assert (first.wanted, dict(first.statuses)) == (6, {"ok": 6})
    assert rows(tmp_path / "s.sqlite").equals(rows(tmp_path / "whole.sqlite"))


def test_a_store_that_becomes_read_only_keeps_what_it_has(run, rows, tmp_path: Path, monkeypatch):
    path = tmp_path / "s.sqlite"

    def disturb() -> None:
        from untrained.results.store import store as module

        query_only = "PRAGMA query_only = ON"
        real = module.transaction
        monkeypatch.setattr(module, "transaction", lambda c: (c.execute(query_only), real(c))[1])

    with pytest.raises(StorageError, match=r"it is read-only here; .* 2 scores of this run are"):
        run(disturb=disturb)
    monkeypatch.undo()
    assert len(rows(path)) == 2
    assert run().scored == 4
