"""Networks for GPUs go to the workers that offer them, as many at once as these say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributed import Scheduler, SpecCluster, Worker, get_worker

from untrained.harness.execution.engines import Request, dask_worker, open_executor
from untrained.harness.execution.executors import SerialExecutor


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A scheduler on the loopback, and two workers of this process, one of which has GPUs."""
    local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    workers = {
        "plain": {"cls": Worker, "options": {"nthreads": 4, **local}},
        "gpus": {"cls": Worker, "options": {"nthreads": 3, "resources": {"GPU": 2}, **local}},
    }
    scheduler = {"cls": Scheduler, "options": {"port": 0, **local}}
    with SpecCluster(workers=workers, scheduler=scheduler) as made:
        yield made


def test_two_networks_at_once_share_the_gpus_of_the_worker_that_offers_two(
    cluster: Any, work: Any, monkeypatch: pytest.MonkeyPatch, quiet: Callable[[str], None]
) -> None:
    made: list[tuple[object, int, int]] = []
    both, lock = threading.Barrier(2, timeout=20), threading.Lock()

    class Process(SerialExecutor):
        """In place of a process: the first of both waits until the other has a network, too."""

        def __init__(self, workers: int, *, gpus: int, first_gpu: int, **_: object) -> None:
            made.append((get_worker().name, gpus, first_gpu))
            self.met = False

        def run(self, function: Any, items: Any) -> Iterator[Any]:
            if not self.met:
                both.wait()
                self.met = True
            with lock:  # settings of torch belong to a process
                yield from super().run(function, items)

        def close(self) -> None:
            """Nothing was started."""

    monkeypatch.setattr(dask_worker, "ProcessExecutor", Process)
    request = Request(scheduler=cluster.scheduler_address, device="cuda", tell=quiet)
    with open_executor("dask", request) as executor:
        assert executor.workers == 2
        found = sorted(executor.run(work.square, range(40)))
    assert found == [(x, x * x) for x in range(40)]
    assert sorted(made, key=str) == [("gpus", 1, 0), ("gpus", 1, 1)]
