"""The executor `dask`: batches of networks on the workers of a scheduler."""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from untrained.foundation import UserError
from untrained.harness.execution.engines.dask_cluster import CONNECT_S, connected
from untrained.harness.execution.engines.engine import Request, register_executor
from untrained.harness.execution.executors import Executor, WorkerDied

if TYPE_CHECKING:
    from distributed import Client

    from untrained.harness.execution.engines.dask_worker import Run

T = TypeVar("T")
R = TypeVar("R")

BATCH_S = 1.0
"""Seconds that a batch should last: a scheduler spends about a millisecond on each."""
MOST_IN_BATCH = 256
MOST_BATCHES = 4000
"""Batches that a scheduler holds at most; with fewer than half as many workers, two for each."""
_LOOK_S = 2.0
"""Between two looks at the workers."""
_DEATHS_IN_A_ROW = 10  # each on several workers; then it is not the networks' fault


@register_executor("dask", "workers of dask on this machine or a cluster", remote=True)
@contextmanager
def dask(request: Request) -> Iterator[Executor]:
    """Connect to the workers, and give them back at the end.

    Raises:
        MissingData: dask is not installed.
        UserError: there are no workers, or they have other software than this process.
    """
    with connected(request) as client:
        from untrained.harness.execution.engines import dask_worker

        token = uuid4().hex[:12]
        variables = {k: v for k, v in os.environ.items() if k.startswith("UNTRAINED_")}
        software = dask_worker.software()
        run = dask_worker.Run(
            token, request.device == "cuda", tuple(variables.items()), tuple(software.items())
        )
        _check_software(client, software)
        plugin = dask_worker.Worker(token)
        client.register_plugin(plugin)
        executor = DaskExecutor(client, run, wait_s=request.wait_s)
        if not executor.workers:
            raise UserError(
                "cannot measure on GPUs: no worker of the scheduler offers the resource GPU. "
                "Start workers with `dask worker --resources GPU=N`, N being the networks that "
                "share the GPUs of a worker, or give --device cpu."
            )
        dashboard = f", dashboard {client.dashboard_link}" if find_spec("bokeh") else ""
        request.tell(
            f"dask: room for {executor.workers} networks at once at "
            f"{client.scheduler.address}{dashboard}"
        )
        try:
            yield executor
        finally:
            with suppress(Exception):  # the run is over; of a scheduler that is gone nobody asks
                client.sync(
                    client.unregister_worker_plugin, plugin.name, callback_timeout=CONNECT_S
                )


def _check_software(client: Client, here: dict[str, str]) -> None:
    """Refuse workers with other versions of the project or of torch.

    Raises:
        UserError: a worker has others.
    """
    from untrained.harness.execution.engines.dask_worker import software, software_differences

    answers = client.run(software, on_error="return")
    wrong = []
    for address, there in sorted(answers.items()):
        if isinstance(there, BaseException):
            wrong.append(f"{address}: {type(there).__name__}: {there}")
        elif differences := software_differences(here, there):
            wrong.append(f"{address} has {differences}")
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise UserError(
            f"cannot use the workers of {client.scheduler.address}: {'; '.join(wrong[:3])}{more}. "
            "Install the same versions of untrained and torch everywhere, and start the workers "
            "again."
        )


class BatchSize:
    """The number of tasks that last about a second together, after the seconds of those before."""

    def __init__(self) -> None:
        """Start with one task."""
        self.size = 1
        self._each = BATCH_S

    def took(self, tasks: int, seconds: float) -> None:
        """Learn how long a batch took; the next one is at most twice as large."""
        self._each = (self._each + seconds / tasks) / 2
        wanted = int(BATCH_S / max(self._each, 1e-6))
        self.size = max(1, min(wanted, 2 * tasks, MOST_IN_BATCH))


class DaskExecutor:
    """Sends batches of tasks to dask's workers and takes the results as they come.

    A batch grows until it lasts about a second. The scheduler has two batches for each worker at
    most. A batch whose worker is gone goes to another one, which dask sees to. One that has cost
    several workers (dask's setting allowed-failures) is taken apart, and a task that costs as many
    by itself ends as `WorkerDied`.
    """

    def __init__(self, client: Client, run: Run, *, wait_s: float) -> None:
        """Say where to and for which run.

        Args:
            wait_s: seconds without any worker, or without an answer of the scheduler, that end a
                run.
        """
        self._client = client
        self._run = run
        self._wait_s = wait_s
        self._batch = BatchSize()
        self._deaths = 0
        self._numbers = count()
        self.workers = 0
        """How many items were worked on at once when the workers were last counted."""
        self._looked = self._found = time.monotonic()
        self._look()

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`; `function`, items and results must be picklable.

        Raises:
            UserError: the scheduler or all workers are gone, or workers keep dying.
        """
        remaining = iter(items)
        alone: deque[T] = deque()
        running: dict[str, tuple[Any, list[T]]] = {}
        done: SimpleQueue[Any] = SimpleQueue()
        try:
            while True:
                while len(running) < min(2 * self.workers + 2, MOST_BATCHES):
                    batch = (
                        [alone.popleft()] if alone else list(islice(remaining, self._batch.size))
                    )
                    if not batch:
                        break
                    future = self._submit(function, batch)
                    running[future.key] = future, batch
                    future.add_done_callback(done.put)
                if not running:
                    return
                if time.monotonic() - self._looked > _LOOK_S:
                    self._look()
                for future in _ready(done):
                    _, batch = running[future.key]
                    try:
                        results = self._results(future)
                    except TimeoutError:  # dask sees to it that the batch is done again
                        future.add_done_callback(done.put)
                        continue
                    del running[future.key]
                    future.release()
                    yield from self._pairs(batch, results, alone)
        finally:
            self._forget([future for future, _ in running.values()])

    def _pairs(
        self, batch: list[T], results: list[Any] | None, alone: deque[T]
    ) -> Iterator[tuple[T, Any | WorkerDied]]:
        """Items and results of a batch that is done.

        Args:
            results: None if the batch has cost its workers.
            alone: receives the items in that case.
        """
        from untrained.harness.execution.engines.dask_worker import Raised

        if results is not None:
            self._deaths = 0
            for item, result in zip(batch, results, strict=False):
                if isinstance(result, Raised):
                    raise result.error
                yield item, result
        elif len(batch) > 1:
            alone.extend(batch)
        else:
            self._deaths += 1
            if self._deaths == _DEATHS_IN_A_ROW:
                raise UserError(
                    f"cannot go on: the workers of {self._deaths} networks died, several for each. "
                    "Likely causes: out of memory, or jobs that are ended. Look at the workers' "
                    "logs, and run the same command again: finished scores are kept."
                )
            yield batch[0], WorkerDied()

    def _submit(self, function: Callable[[T], R], batch: list[T]) -> Any:
        from untrained.harness.execution.engines.dask_worker import measure_batch

        return self._client.submit(
            measure_batch,
            self._run,
            pickle.dumps((function, batch)),
            len(batch),
            key=f"untrained-{self._run.token}-{next(self._numbers)}",
            resources={"GPU": 1} if self._run.gpu else None,
            pure=False,
        )

    def _results(self, future: Any) -> list[Any] | None:
        """The results of a batch, up to one that is `Raised`; None if its workers died.

        Raises:
            TimeoutError: they are not to be had now, for instance because their worker is gone.
        """
        from distributed import KilledWorker

        try:
            pickled, seconds = future.result(timeout=CONNECT_S)
        except KilledWorker:
            return None
        except TimeoutError:
            raise
        except (CancelledError, OSError) as error:
            raise self._lost("it has closed the connection") from error
        results = [one for part in pickled for one in pickle.loads(part)]  # noqa: S301 our own
        self._batch.took(len(results), seconds)
        return results

    def _look(self) -> None:
        """Count the workers.

        Raises:
            UserError: for too long there was none, or no answer.
        """
        answers = True
        try:
            self.workers = self._client.sync(self._count, callback_timeout=CONNECT_S)
        except (OSError, TimeoutError):
            answers = False
        self._looked = time.monotonic()
        if answers and self.workers:
            self._found = self._looked
        elif self._looked - self._found > self._wait_s:
            what = "has had no worker" if answers else "has not answered"
            raise self._lost(f"it {what} for {self._wait_s:g} s")

    async def _count(self) -> int:
        scheduler = self._client.scheduler
        if not self._run.gpu:
            return sum((await scheduler.ncores()).values())
        workers = (await scheduler.identity(n_workers=-1))["workers"].values()
        return sum(int(worker["resources"].get("GPU", 0)) for worker in workers)

    def _lost(self, reason: str) -> UserError:
        return UserError(
            f"cannot go on with the scheduler {self._client.scheduler.address}: {reason}. Start "
            "it or its workers again, and run the same command again: finished scores are kept."
        )

    def _forget(self, futures: list[Any]) -> None:
        """Take back what is under way."""
        if futures and self._client.status == "running":
            with suppress(Exception):  # of a scheduler that is gone nobody takes anything back
                self._client.sync(self._client.cancel, futures, callback_timeout=CONNECT_S)


def _ready(done: SimpleQueue[Any]) -> Iterator[Any]:
    """What is done by now; waits for a moment if nothing is."""
    with suppress(Empty):
        yield done.get(timeout=_LOOK_S)
        while True:
            yield done.get_nowait()
