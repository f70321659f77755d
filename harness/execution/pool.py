"""A pool of isolated worker processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.queues import SimpleQueue
from typing import TypeVar

_FOR_LIFE = ExitStack()
"""Of a worker process; what is entered here must stay referred to, or it would be left again."""


@contextmanager
def isolated() -> Iterator[None]:
    """Inside, torch uses one CPU thread and reproducible GPU kernels; afterwards all is as before.

    With more threads sums are split differently and values differ in their last bits, so a score
    would depend on the number of workers.
    """
    import torch

    cudnn = torch.backends.cudnn
    threads = torch.get_num_threads()
    flags = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    torch.set_num_threads(1)
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = True, False, False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = flags


def prepare_worker(devices: SimpleQueue[int] | None) -> None:
    """Make a fresh worker process ready for tasks, for as long as it lives.

    Args:
        devices: GPU indices, one for each worker, or None on the CPU.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_follow_parent, daemon=True).start()
    _FOR_LIFE.enter_context(isolated())
    if devices is not None:
        import torch

        torch.cuda.set_device(devices.get())


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed run must leave no worker behind."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


T = TypeVar("T")
R = TypeVar("R")

_END = object()


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """In place of a result: the process that worked on the task was killed or crashed."""

    reason: str = "worker died: the process was killed, ran out of memory or crashed"


class Pool:
    """Spawned processes that work until one of them dies."""

    def __init__(self, workers: int, *, gpus: int) -> None:
        """Prepare the processes; they start with the first task.

        Args:
            gpus: GPUs to hand out in turn, 0 for the CPU.
        """
        # spawn, not fork: threads of torch and CUDA do not survive a fork
        context = get_context("spawn")
        devices = None
        if gpus:
            devices = context.SimpleQueue()
            for worker in range(workers):
                devices.put(worker % gpus)
        self._others = set(active_children())
        self._limit = 2 * workers  # one at work and one in waiting for each
        self._pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=prepare_worker, initargs=(devices,)
        )

    def run(
        self, function: Callable[[T], R], items: Iterator[T], lost: list[T]
    ) -> Iterator[tuple[T, R]]:
        """Pairs of item and result as they are ready, until the items or the pool are at an end.

        Args:
            lost: receives the items that were under way when a worker died.
        """
        running: dict[Future[R], T] = {}
        while True:
            while not lost and len(running) < self._limit:
                item = next(items, _END)
                if item is _END:
                    break
                try:
                    running[self._pool.submit(function, item)] = item  # type: ignore[arg-type,assignment]  # not _END
                except BrokenProcessPool:
                    lost.append(item)  # type: ignore[arg-type]
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                done = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(done)
                else:
                    yield done, result

    def stop(self) -> None:
        """End all processes now, also those at work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        own = set(active_children()) - self._others
        for process in own:
            process.terminate()
        for process in own:
            process.join()
