"""Executors, their isolated worker processes, and the devices that they use."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar

from untrained.foundation import UserError
from untrained.harness.execution.process_memory import memory_kept
from untrained.harness.execution.watchdog import Step, follow, overdue, worked_on

_FOR_LIFE = ExitStack()
"""Of a worker process; what is entered here must stay referred to, or it would be left again."""


@contextmanager
def isolated() -> Iterator[None]:
    """Inside, torch uses one CPU thread and exact arithmetic; afterwards all is as before.

    With more threads sums are split differently and values differ in their last bits, so a score
    would depend on the number of workers.
    """
    import torch

    from untrained.indicators.framework.devices import exact_arithmetic

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with exact_arithmetic():
            yield
    finally:
        torch.set_num_threads(threads)


def prepare_worker(
    places: SimpleQueue[int],
    steps: Any,
    devices: SimpleQueue[int] | None,
    variables: Mapping[str, str],
) -> None:
    """Make a fresh worker process ready for tasks, for as long as it lives.

    Args:
        places: indices of `steps`, one for each worker.
        steps: shared memory, where a worker writes its current step.
        devices: numbers that stand for GPUs in turn, one for each worker, or None on the CPU.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    os.environ.clear()
    os.environ.update(variables)
    follow(steps[places.get()])
    threading.Thread(target=_follow_parent, daemon=True).start()
    _FOR_LIFE.enter_context(isolated())
    _FOR_LIFE.enter_context(memory_kept())
    if devices is not None:
        import torch

        torch.cuda.set_device(devices.get() % torch.cuda.device_count())


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed run must leave no worker behind."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Recording:
    """Knows the processes that it has started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **options: Any) -> BaseProcess:  # noqa: N802
        process: BaseProcess = super().Process(*args, **options)  # type: ignore[misc]
        self.started.append(process)
        return process


class _Spawning(_Recording, SpawnContext):  # type: ignore[misc]
    pass


class _Forking(_Recording, ForkServerContext):  # type: ignore[misc]
    pass


def worker_context(*, gpus: bool) -> _Spawning | _Forking:
    """Return what starts worker processes.

    On the CPU they are forked from a server process that has imported torch and the plug-ins and
    has computed nothing. A worker, and one in place of a worker that died, is then ready at once
    instead of after seconds of imports. The server gets no later change of this process, so a
    worker is given the environment variables and the search path of its pool.
    """
    if gpus or sys.platform != "linux":
        return _Spawning()  # threads of CUDA, and libraries of other systems, survive no fork
    context = _Forking()
    context.set_forkserver_preload(["untrained.harness.execution.preloaded"])
    return context


T = TypeVar("T")
R = TypeVar("R")

_END = object()
_TICK_S = 0.25
"""Between two looks at the time limits of workers."""


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """In place of a result: the process that worked on the task was killed, crashed or hung."""

    reason: str = "worker died: the process was killed, ran out of memory or crashed"
    status: Literal["error", "timeout"] = "error"
    whole: bool = False
    """Whether no part of the task can be done."""


class DeviceLost(UserError):
    """The GPU fails whatever this process asks of it: what it says of a network is no score."""


class Pool:
    """Processes that work until one of them dies, or is ended because it hangs."""

    def __init__(
        self, workers: int, *, devices: Sequence[int] = (), variables: Mapping[str, str]
    ) -> None:
        """Prepare the processes; they start with the first task.

        Args:
            devices: a number for each worker that stands for its GPU; none on the CPU.
            variables: environment variables of the processes, where this one has no value.
        """
        self._context = context = worker_context(gpus=bool(devices))
        queue = None
        for device in devices:
            queue = queue or context.SimpleQueue()
            queue.put(device)
        places = context.SimpleQueue()
        for worker in range(workers):
            places.put(worker)
        self._steps = context.RawArray(Step, workers)
        self._limit = 2 * workers  # one at work and one in waiting for each
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=prepare_worker,
            initargs=(places, self._steps, queue, {**variables, **os.environ}),
        )
        self.hung: dict[int, WorkerDied] = {}
        """By number of the item, those whose worker was ended; the pool is then at its end."""

    def run(
        self, function: Callable[[T], R], items: Iterator[T], lost: list[T]
    ) -> Iterator[tuple[T, R | WorkerDied]]:
        """Pairs of item and result as they are ready, until the items or the pool are at an end.

        An item whose worker does not keep its time limit has `WorkerDied` for a result. `lost`
        receives the others that were under way when a worker died.
        """
        running: dict[Future[R], tuple[int, T]] = {}
        number = 0
        while True:
            while not (lost or self.hung) and len(running) < self._limit:
                item: Any = next(items, _END)
                if item is _END:
                    break
                number += 1
                try:
                    future = self._pool.submit(partial(_numbered, number, function), item)
                except BrokenProcessPool:
                    lost.append(item)
                else:
                    running[future] = number, item
            if not running:
                return
            ready = wait(running, timeout=_TICK_S, return_when=FIRST_COMPLETED).done
            for one, text, whole in overdue(self._steps):
                self.hung[one] = WorkerDied(text, "timeout", whole)
            for future in ready:
                one, done = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    if one in self.hung:
                        yield done, self.hung[one]
                    else:
                        lost.append(done)
                else:
                    yield done, result

    def stop(self) -> None:
        """End all processes now, also those at work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        own = [process for process in self._context.started if process.pid is not None]
        for process in own:
            process.kill()  # a stopped process, or one that blocks signals, hears no other
        for process in own:
            process.join()


def _numbered(number: int, function: Callable[[T], R], item: T) -> R:
    """Work on an item in a worker; one whose GPU is lost ends, and the pool starts another."""
    with worked_on(number):
        try:
            return function(item)
        except DeviceLost:
            os._exit(1)


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


def device_name(device: Device, executor: Executor | None = None) -> str:
    """Name the device for the record: `cpu`, or the models of the GPUs.

    Args:
        executor: what runs the networks. If it has worker processes, one of them is asked: the
            question takes memory of a GPU for as long as a process lives.
    """
    if device == "cpu":
        return "cpu"
    if executor is None or isinstance(executor, SerialExecutor):
        return gpu_names()
    with closing(executor.run(gpu_names, [None])) as answers:
        _, answer = next(answers)
    return device if isinstance(answer, WorkerDied) else answer


def gpu_names(_: object = None) -> str:
    """The models of the GPUs that this process sees."""
    import torch

    count = torch.cuda.device_count()
    return " and ".join(sorted({str(torch.cuda.get_device_name(i)) for i in range(count)}))


def numeric_settings() -> dict[str, str]:
    """Settings of a run on this machine that change the last bits of scores, for the record."""
    import torch

    from untrained.indicators.fused.kernels import kernels

    passes = kernels()
    with isolated():  # elsewhere torch may refuse to name it
        matmul_precision = torch.get_float32_matmul_precision()
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    mkldnn = torch.backends.mkldnn
    on = mkldnn.is_available() and mkldnn.enabled  # type: ignore[no-untyped-call]
    able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    sets = ("amx_tile", "avx512_bf16", "avx512_vnni", "avx512_f", "avx2")
    # the best of the CPU is what it uses
    best = next((f"on, {name}" for name in sets if able.get(name)), "on")
    return {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "onednn": "off" if not on else f"{best}, at most {limit}" if limit else best,
        "mkl": os.environ.get("MKL_CBWR", "default"),
        "matmul_precision": matmul_precision,
        "kernels": passes.name if passes else "torch",
    }


def available_cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_executor(device: Device, workers: int | None = None, *, limited: bool = False) -> Executor:
    """The executor for a device: serial for one worker, else processes.

    Args:
        workers: their number; by default one a CPU core, or `_MOST_ON_A_GPU` a GPU as far as there
            are cores. One process keeps a GPU busy for a small part of the time: networks of a NAS
            benchmark are small, and each operation waits for Python.
        limited: whether the tasks have time limits, which are sure in a process of its own only.
    """
    gpus = 0
    if device == "cuda":
        import torch

        gpus = torch.cuda.device_count()
        on_each = min(_MOST_ON_A_GPU, available_cores() // gpus - 1)
        count = workers or gpus * max(on_each, 1)
    else:
        count = workers or available_cores()
    return SerialExecutor() if count == 1 and not limited else ProcessExecutor(count, gpus=gpus)


_MOST_ON_A_GPU = 12
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
        with memory_kept():
            for item in items:
                with isolated():
                    result = function(item)
                yield item, result


def _first(again: deque[T], others: Iterator[T]) -> Iterator[T]:
    while again:
        yield again.popleft()
    yield from others


class ProcessExecutor:
    """Runs tasks in worker processes.

    When a worker dies, everything that was under way is lost with its pool. The pool is then made
    anew and the lost tasks are tried again one at a time: the one during which a worker dies again
    is the culprit, and it alone ends as `WorkerDied`. A worker that exceeds a time limit without
    reacting is ended; the culprit is then known, and the others are simply done again.
    """

    def __init__(
        self,
        workers: int,
        *,
        gpus: int = 0,
        first_gpu: int = 0,
        variables: Mapping[str, str] = MappingProxyType({}),
        keep: bool = False,
    ) -> None:
        """Say how many processes there will be.

        Args:
            workers: number of processes, at least 1.
            gpus: GPUs to hand out in turn, 0 for the CPU.
            first_gpu: GPU of the first process.
            variables: environment variables of the processes, where the machine has no value.
            keep: whether processes live on after a run, until `close`.
        """
        self.workers = workers
        self._devices = [first_gpu + worker % gpus for worker in range(workers)] if gpus else []
        self._variables = dict(variables)
        self._keep = keep
        self._pool: Pool | None = None
        self._closed = False

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`; `function`, items and results must be picklable.

        Raises:
            UserError: workers keep dying whatever they work on.
        """
        remaining = iter(items)
        suspects: deque[T] = deque()
        again: deque[T] = deque()
        deaths = 0
        finished = False
        try:
            while True:
                pool = self._running_pool()
                alone = bool(suspects)
                lost: list[T] = []
                batch = iter([suspects.popleft()]) if alone else _first(again, remaining)
                for item, result in pool.run(function, batch, lost):
                    deaths = 0
                    yield item, result
                if pool.hung:
                    self._stop()
                    again.extend(lost)
                elif lost:
                    deaths += 1
                    if deaths == _DEATHS_IN_A_ROW:
                        raise UserError(
                            f"{deaths} consecutive workers died. Likely causes: out of memory or a "
                            "driver fault. Use fewer processes, for instance --workers 1."
                        )
                    self._stop()
                    if alone:
                        yield lost[0], WorkerDied()
                    else:
                        suspects.extend(lost)
                elif not alone:
                    finished = True
                    return
        finally:
            if not (finished and self._keep):
                self._stop()

    def close(self) -> None:
        """End the processes that are kept, and those that another thread has at work."""
        self._closed = True
        self._stop()

    def _running_pool(self) -> Pool:
        if self._pool is None:
            if self._closed:
                raise UserError("the worker processes were ended: their run is over")
            self._pool = Pool(self.workers, devices=self._devices, variables=self._variables)
        return self._pool

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
