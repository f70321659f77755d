"""What runs on a dask worker: it hands networks to a worker process of its own and watches it.

A dask worker never measures a network itself: a network that crashes, hangs or exhausts the memory
ends its own process, and the dask worker goes on answering the scheduler.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin

from untrained.foundation import UserError
from untrained.harness.execution.executors import DeviceLost, ProcessExecutor

IDLE_S = 60.0
"""Seconds after which a process that has nothing to do is ended: its run may have been killed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker knows of the run that sends it networks."""

    token: str
    """Unique to the run."""
    gpu: bool
    variables: tuple[tuple[str, str], ...]
    """Environment variables of this project."""
    software: tuple[tuple[str, str], ...]
    """What `software` must be here."""


@cache
def software() -> dict[str, str]:
    """Versions that decide about scores: those of the project, of its files and of torch."""
    import untrained.foundation as one_room

    files = sha256()
    rooms = Path(str(one_room.__file__)).resolve().parents[1]
    for room in ("foundation", "harness", "indicators", "results", "spaces"):
        for path in sorted((rooms / room).rglob("*.py")):
            files.update(path.relative_to(rooms).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "untrained": version("untrained"),
        "files of untrained": files.hexdigest()[:12],
        "torch": version("torch"),
    }


def software_differences(here: dict[str, str], there: dict[str, str]) -> str:
    """What differs between two machines, in words; empty if nothing does."""
    return ", ".join(
        f"{name} {there.get(name, 'is missing')} instead of {value}"
        for name, value in here.items()
        if there.get(name) != value
    )


@dataclass(frozen=True, slots=True)
class Raised:
    """In place of a result: what the function raised, which ends the run."""

    error: BaseException


def measure_batch(run: Run, batch: bytes, size: int) -> tuple[list[bytes], float]:
    """Work on some items in a process of this worker, one after the other.

    If the process ends, it is not known of which item: each is then done by itself.

    Args:
        batch: pickled function and list of items.
        size: number of items.

    Returns:
        Pickled lists of results, which make one list in the order of the items, `WorkerDied` and
        `Raised` among them; and the seconds they took.
    """
    began = time.monotonic()
    results: list[bytes] = []
    try:
        _check_software(run)
        with _process(run) as process:
            [(_, found)] = process.run(call_pickled, [(batch, range(size))])
            if isinstance(found, bytes):
                results = [found]
            elif size == 1:
                results = [pickle.dumps([found])]
            else:
                alone = [(batch, range(number, number + 1)) for number in range(size)]
                by_number = {
                    part[1].start: one if isinstance(one, bytes) else pickle.dumps([one])
                    for part, one in process.run(call_pickled, alone)
                }
                results = [by_number[number] for number in range(size)]
    except Exception as error:
        results = [pickle.dumps([Raised(error)])]
    return results, time.monotonic() - began


def _check_software(run: Run) -> None:
    """Refuse to measure here with other software than the run: this worker may have come late."""
    if differences := software_differences(dict(run.software), software()):
        raise UserError(
            f"cannot measure on {os.uname().nodename}: it has {differences}. Install the same "
            "versions everywhere and start the workers again; finished scores are kept."
        )


def call_pickled(part: tuple[bytes, range]) -> bytes:
    """Call a pickled function for a part of its items, up to one for which it raises.

    Only the worker process loads what the function needs.
    """
    function, items = pickle.loads(part[0])  # noqa: S301 dask's own messages are pickles
    results: list[Any] = []
    try:
        for number in part[1]:
            results.append(function(items[number]))  # noqa: PERF401 what is done is kept
        return pickle.dumps(results)
    except DeviceLost:
        raise
    except BaseException as error:
        try:
            return pickle.dumps([*results, Raised(error)])
        except Exception:  # of a stranger's error nobody knows whether it can be pickled
            return pickle.dumps(
                [*results, Raised(RuntimeError(f"{type(error).__name__}: {error}"))]
            )


class Worker(WorkerPlugin):  # type: ignore[misc]  # dask's classes have no types
    """Ends the processes of a run on a worker when the run, or the worker, ends."""

    def __init__(self, token: str) -> None:
        """Say of which run."""
        self.name = f"untrained-{token}"
        self._token = token

    def setup(self, worker: Any) -> None:
        """Let this worker have processes of its own, which dask's are not allowed by default."""
        del worker
        if multiprocessing.parent_process() is not None:
            multiprocessing.current_process().daemon = False

    def teardown(self, worker: Any) -> None:
        """End the processes of the run."""
        del worker
        with _lock:
            ending = [one for one in _processes if one.token == self._token]
            _processes[:] = [one for one in _processes if one.token != self._token]
        for one in ending:
            one.executor.close()


@dataclass(slots=True, eq=False)
class _Process:
    """A worker process of this dask worker."""

    token: str
    number: int
    executor: ProcessExecutor
    idle_since: float | None = None
    """None: it is at work."""


_processes: list[_Process] = []
_lock = threading.Lock()


@contextmanager
def _process(run: Run) -> Iterator[ProcessExecutor]:
    """A process of the run that nobody uses, an old one or a new one."""
    with _lock:
        mine = [one for one in _processes if one.token == run.token]
        free = [one for one in mine if one.idle_since is not None]
        if free:
            one = free[0]
        else:
            number = min(set(range(len(mine) + 1)) - {other.number for other in mine})
            executor = ProcessExecutor(
                1,
                gpus=1 if run.gpu else 0,
                first_gpu=number,
                variables=dict(run.variables),
                keep=True,
            )
            one = _Process(run.token, number, executor)
            _processes.append(one)
        one.idle_since = None
    try:
        yield one.executor
    finally:
        with _lock:
            one.idle_since = time.monotonic()
            _look_after_idle()


_timers: list[threading.Timer] = []
"""The one that runs, if there is a process."""


def _look_after_idle() -> None:
    if _processes and not _timers:
        timer = threading.Timer(IDLE_S, _end_idle)
        timer.daemon = True
        timer.start()
        _timers.append(timer)


def _end_idle() -> None:
    latest = time.monotonic() - IDLE_S
    with _lock:
        ending = [o for o in _processes if o.idle_since is not None and o.idle_since <= latest]
        _processes[:] = [one for one in _processes if one not in ending]
        _timers.clear()
        _look_after_idle()
    for one in ending:
        one.executor.close()
