"""What the tests of executors share: functions that misbehave, and dask without other processes."""

from __future__ import annotations

import importlib
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import distributed
import pytest

from untrained.harness.execution.engines import dask_worker
from untrained.harness.execution.executors import SerialExecutor

WORK = '''
import collections, itertools, os, signal, time

def square(x):
    return x * x

def process(_):
    return os.getpid()

def threads(_):
    import torch
    return torch.get_num_threads()

def die(x):
    """Kills its process whenever it gets 3."""
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x

def hang(x):
    """Stays inside of C code for ever whenever it gets 3, although there is a limit of 0.1 s."""
    from untrained.harness.execution.watchdog import time_limit
    if x == 3:
        with time_limit(0.1):
            # keeps the lock of the interpreter: no other thread and no signal is heard
            collections.deque(itertools.repeat(0), maxlen=0)
    return x

def fail(x):
    if x == 3:
        raise ZeroDivisionError("a mistake of the function")
    return x

def leave(x):
    raise SystemExit(3)

def wait(x):
    time.sleep(x)
    return x
'''


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Functions in a module that worker processes can import."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "dask_work.py").write_text(WORK)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("dask_work")
    sys.path.remove(str(folder))


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dask workers of this process work in their threads: nothing has to be started."""

    lock = threading.Lock()  # settings of torch belong to a process

    @contextmanager
    def thread(run: object) -> Iterator[SerialExecutor]:
        with lock:
            yield SerialExecutor()

    monkeypatch.setattr(dask_worker, "_process", thread)
    # what it draws in other threads would pass for draws of the network that is measured
    for module in (distributed.comm.core, distributed.scheduler, distributed.utils_comm):
        monkeypatch.setattr(module, "random", random.Random(0))


@pytest.fixture
def quiet() -> Callable[[str], None]:
    """Takes what an executor tells."""
    return lambda text: None
