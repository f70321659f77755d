"""Executors and the devices that they use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Literal, Protocol, TypeVar

from untrained.foundation import UserError
from untrained.harness.execution.pool import Pool, WorkerDied, isolated

Device = Literal["cpu", "cuda"]


def find_device(wanted: Literal["auto", "cpu", "cuda"]) -> Device:
    """The device to run on; `auto` is a GPU where there is one.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UserError(
            f"the device cuda was asked for, but torch {torch.__version__} finds no GPU; use "
            "--device cpu, or install a torch build and driver for the GPU"
        )
    return "cpu"


def device_name(device: Device) -> str:
    """What the device calls itself, for the record: `cpu`, or the model of the GPU."""
    if device == "cpu":
        return "cpu"
    import torch

    return str(torch.cuda.get_device_name())


def available_cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_executor(device: Device, workers: int | None = None) -> Executor:
    """The executor for a device: serial for one worker, else processes.

    Args:
        workers: their number; by default one a CPU core, or one a GPU.
    """
    if device == "cuda":
        import torch

        gpus = torch.cuda.device_count()
        count = workers or gpus
        return SerialExecutor() if count == 1 else ProcessExecutor(count, gpus=gpus)
    count = workers or available_cores()
    return SerialExecutor() if count == 1 else ProcessExecutor(count)


T = TypeVar("T")
R = TypeVar("R")

_DEATHS_IN_A_ROW = 10  # then it is not the tasks' fault


class Executor(Protocol):
    """Runs a function over items; results come as they are ready, in any order."""

    @property
    def workers(self) -> int:
        """How many items are worked on at once."""

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """Pairs of item and result. Closing the iterator stops what is under way."""


class SerialExecutor:
    """Runs tasks one after the other in this process."""

    workers = 1

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`."""
        for item in items:
            with isolated():
                result = function(item)
            yield item, result


class ProcessExecutor:
    """Runs tasks in spawned worker processes.

    When a worker dies, everything that was under way is lost with its pool. The pool is then made
    anew and the lost tasks are tried again one at a time: the one during which a worker dies again
    is the culprit, and it alone ends as `WorkerDied`.
    """

    def __init__(self, workers: int, *, gpus: int = 0) -> None:
        """Say how many processes there will be.

        Args:
            workers: number of processes, at least 1.
            gpus: GPUs to hand out in turn, 0 for the CPU.
        """
        self.workers = workers
        self._gpus = gpus

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`; `function`, items and results must be picklable.

        Raises:
            UserError: workers keep dying whatever they work on.
        """
        remaining = iter(items)
        suspects: deque[T] = deque()
        deaths = 0
        pool = Pool(self.workers, gpus=self._gpus)
        try:
            while True:
                alone = bool(suspects)
                lost: list[T] = []
                batch = iter([suspects.popleft()]) if alone else remaining
                for item, result in pool.run(function, batch, lost):
                    deaths = 0
                    yield item, result
                if lost:
                    deaths += 1
                    if deaths == _DEATHS_IN_A_ROW:
                        raise UserError(
                            f"worker processes died {deaths} times in a row, whatever they worked "
                            "on; see whether memory or a driver is at fault, or use --workers 1"
                        )
                    pool.stop()
                    pool = Pool(self.workers, gpus=self._gpus)
                    if alone:
                        yield lost[0], WorkerDied()
                    else:
                        suspects.extend(lost)
                elif not alone:
                    return
        finally:
            pool.stop()
