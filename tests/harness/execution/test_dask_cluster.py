"""A scheduler and two workers as processes of their own; each of them may end at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from untrained.harness.execution import progress
from untrained.harness.execution.progress import Progress


class Grid:
    """A scheduler and workers on the loopback."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.variables = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
        self.started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--port", "0", "--no-show")

    def start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1"]
        program += ["--scheduler-file", str(self.file), "--no-dashboard", *options]
        with (self.folder / f"{what}-{len(self.started)}.log").open("wb") as log:
            process = subprocess.Popen(
                program, stdout=log, stderr=log, cwd=self.folder, env=self.variables
            )
        self.started.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker", "--nthreads", "1", "--no-nanny")

    @property
    def address(self) -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.file.exists() and (text := self.file.read_text()):
                return str(json.loads(text)["address"])
            time.sleep(0.05)
        raise AssertionError("the scheduler does not start")

    def end(self) -> None:
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait()


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    made = Grid(tmp_path_factory.mktemp("grid"))
    yield made
    made.end()


class After(Progress):
    """Does something whenever so many networks are stored."""

    def __init__(self, actions: dict[int, Callable[[], object]]) -> None:
        self.networks, self.actions = 0, actions

    def advance(self, scores: int, failures: int) -> None:
        self.networks += 1
        self.actions.get(self.networks, lambda: None)()


def test_a_worker_and_then_the_scheduler_are_killed_and_nothing_is_lost(
    grid: Grid, untrained, score_arguments, rows, tmp_path: Path, monkeypatch
):
    first = grid.worker()
    grid.worker()
    networks = 64  # more than workers can have at hand when the scheduler ends
    arguments = score_arguments(tmp_path / "cut", sample=networks, indicators="grad_norm,random")
    kills = After({1: first.kill, 8: grid.scheduler.kill})
    with monkeypatch.context() as patch:
        patch.setattr(progress, "make_progress", lambda: kills)
        code, _, err = untrained(*arguments, "--executor", "dask", "--scheduler", grid.address)
    assert code == 2
    assert "room for" in err
    assert "cannot go on with the scheduler" in err
    assert "run the same command again" in err
    assert first.poll() is not None
    stored = rows(tmp_path / "cut")
    assert 8 <= stored["architecture"].nunique() < networks
    assert (stored.groupby("architecture").size() == 2).all()

    assert untrained(*arguments).code == 0
    whole = score_arguments(tmp_path / "whole", sample=networks, indicators="grad_norm,random")
    assert untrained(*whole).code == 0
    assert rows(tmp_path / "cut").equals(rows(tmp_path / "whole"))


@pytest.mark.skipif("UNTRAINED_SCALE" not in os.environ, reason="a minute: tox run -e scale")
def test_a_node_that_does_not_answer_keeps_no_network(
    untrained, score_arguments, rows, tmp_path: Path, monkeypatch
):
    grid = Grid(tmp_path, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="5s")
    try:
        silent = grid.worker()
        grid.worker()
        arguments = score_arguments(tmp_path / "cut", sample=8, indicators="grad_norm,random")
        stop = After({1: lambda: silent.send_signal(signal.SIGSTOP)})
        with monkeypatch.context() as patch:
            patch.setattr(progress, "make_progress", lambda: stop)
            code, _, err = untrained(*arguments, "--executor", "dask", "--scheduler", grid.address)
        assert code == 0, err
        assert silent.poll() is None
    finally:
        grid.end()
    whole = score_arguments(tmp_path / "whole", sample=8, indicators="grad_norm,random")
    assert untrained(*whole).code == 0
    assert rows(tmp_path / "cut").equals(rows(tmp_path / "whole"))
