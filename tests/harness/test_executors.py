"""Work survives the death of a worker; only what killed it is lost."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest
import torch

from untrained.foundation import UserError
from untrained.harness.execution import executors
from untrained.harness.execution.executors import (
    DeviceLost,
    ProcessExecutor,
    SerialExecutor,
    WorkerDied,
    available_cores,
    device_name,
    find_device,
    make_executor,
    worker_context,
)

WORK = '''
import os, signal, time
from pathlib import Path

def square(x):
    return x * x

def threads(_):
    import torch
    return torch.get_num_threads()

def die_on_three(x):
    """Kills its process whenever it gets 3."""
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return x * x

def die_once(marker):
    """Kills its process the first time."""
    path = Path(marker)
    if path.exists() and path.read_text() == "":
        path.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"

def always_die(_):
    os.kill(os.getpid(), signal.SIGKILL)

def sleep_long(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)

def variable(name):
    return os.environ.get(name)

def imports_the_compiler(names):
    """Measures a network, and looks whether torch has imported its compiler for that."""
    import sys, torch
    from untrained.indicators import measure
    from untrained.spaces import spaces
    cell = "|none~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
    network = spaces["nasbench201"].build(cell, num_classes=3, channels=2, cells=1)
    batches = torch.randn(2, 4, 3, 8, 8)
    labels = torch.tensor([0, 1, 2, 0])
    measure(network, batches[0], labels, names, second_batch=(batches[1], labels))
    return "torch._dynamo" in sys.modules

def fail(_):
    raise ZeroDivisionError("a mistake of the function")

def hang(how):
    """Goes on for ever, although there is a limit of 0.1 s."""
    from untrained.harness.execution.watchdog import time_limit
    if how == "stopped":
        with time_limit(0.1, whole=True):
            os.kill(os.getpid(), signal.SIGSTOP)
    return "done"
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Functions in a module that worker processes can import."""
    (tmp_path / "executor_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("executor_work", None)
    return importlib.import_module("executor_work")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true: object, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def test_serial_works_in_order_with_one_thread_and_restores_them(work: ModuleType):
    torch.set_num_threads(2)
    assert list(SerialExecutor().run(work.square, range(4))) == [(0, 0), (1, 1), (2, 4), (3, 9)]
    assert list(SerialExecutor().run(work.threads, [0])) == [(0, 1)]
    assert torch.get_num_threads() == 2


def test_the_culprit_alone_is_lost_when_it_kills_its_worker(work: ModuleType):
    results = dict(ProcessExecutor(2).run(work.die_on_three, range(8)))
    assert results.pop(3) == WorkerDied()
    assert results == {x: x * x for x in (0, 1, 2, 4, 5, 6, 7)}


def test_a_task_whose_worker_was_killed_from_outside_is_done_again(
    work: ModuleType, tmp_path: Path
):
    marker, other = tmp_path / "marker", tmp_path / "other"
    marker.touch()
    results = dict(ProcessExecutor(1).run(work.die_once, [str(marker), str(other)]))
    assert results == {str(marker): "done", str(other): "done"}
    assert marker.read_text() == "died"


def test_a_worker_that_has_lost_its_gpu_ends_and_a_serial_run_says_so(monkeypatch):
    def lose(item):
        raise DeviceLost("cannot go on measuring on cuda: it fails. Run the same command again.")

    ends = []
    monkeypatch.setattr(executors.os, "_exit", ends.append)
    monkeypatch.setattr(executors, "worked_on", nullcontext)
    executors._numbered(1, lose, 3)
    assert ends == [1]  # the pool takes it for a death: see the tests above
    with pytest.raises(UserError, match="Run the same command again"):
        list(SerialExecutor().run(lose, [3]))


def test_workers_compute_with_one_thread_all_their_life(work: ModuleType):
    assert [threads for _, threads in ProcessExecutor(1).run(work.threads, [0, 1, 2])] == [1, 1, 1]


def test_workers_have_the_environment_of_their_run_whenever_their_server_started(
    work: ModuleType, monkeypatch
):
    names = ["UNTRAINED_FIRST", "UNTRAINED_SECOND"]
    for here, found in (("1", ["1", "given"]), ("2", ["2", "given"]), (None, [None, "given"])):
        if here is None:
            monkeypatch.delenv(names[0])
        else:
            monkeypatch.setenv(names[0], here)
        executor = ProcessExecutor(1, variables={names[1]: "given"})
        assert dict(executor.run(work.variable, names)) == dict(zip(names, found, strict=True))
    monkeypatch.setenv(names[1], "of the machine")
    executor = ProcessExecutor(1, variables={names[1]: "given"})
    assert list(executor.run(work.variable, names[1:])) == [(names[1], "of the machine")]


def test_workers_with_a_gpu_are_no_forks():
    assert worker_context(gpus=True).get_start_method() == "spawn"
    here = "forkserver" if sys.platform == "linux" else "spawn"
    assert worker_context(gpus=False).get_start_method() == here


def test_frequent_scores_do_without_two_seconds_of_imports(work: ModuleType):
    names = ("naswot", "swap", "naswot_live", "linear_regions", "zico", "synflow", "jacov", "flops")
    assert list(ProcessExecutor(1).run(work.imports_the_compiler, [names])) == [(names, False)]


def test_a_worker_that_hangs_is_ended_and_replaced(work: ModuleType):
    found = dict(ProcessExecutor(1).run(work.hang, ["first", "stopped", "last"]))
    assert found == {
        "first": "done",
        "stopped": WorkerDied(
            "not done after 0.1 s and could not be interrupted: its worker process was ended",
            "timeout",
            whole=True,
        ),
        "last": "done",
    }


def test_workers_that_always_die_end_the_run(work: ModuleType, monkeypatch):
    monkeypatch.setattr(executors, "_DEATHS_IN_A_ROW", 2)
    with pytest.raises(UserError, match=r"2 consecutive workers died.*--workers 1"):
        list(ProcessExecutor(1).run(work.always_die, range(5)))


def test_a_mistake_of_the_function_is_not_hidden(work: ModuleType):
    with pytest.raises(ZeroDivisionError, match="a mistake of the function"):
        list(ProcessExecutor(1).run(work.fail, [0]))


def test_an_interrupted_run_leaves_no_process_and_does_not_wait_for_tasks(
    work: ModuleType, tmp_path: Path
):
    folder = tmp_path / "pids"
    folder.mkdir()
    script = (
        "import signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "if __name__ == '__main__':\n"
        # a shell starts what runs in its background with interrupts ignored
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    import executor_work\n"
        "    from untrained.harness.execution.executors import ProcessExecutor\n"
        "    list(ProcessExecutor(1).run(executor_work.sleep_long, [sys.argv[2]]))\n"
    )
    for stop in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(folder)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert wait_until(lambda: list(folder.iterdir()))
        worker = int(next(folder.iterdir()).name)
        os.kill(process.pid, stop)
        _, err = process.communicate(timeout=60)
        assert process.returncode != 0
        assert wait_until(lambda: not is_alive(worker)), f"after {stop.name}: {err}"  # noqa: B023
        (folder / str(worker)).unlink()


def test_one_worker_is_serial_and_the_default_is_every_core():
    assert isinstance(make_executor("cpu", 1), SerialExecutor)
    assert isinstance(make_executor("cpu", 1, limited=True), ProcessExecutor)
    assert make_executor("cpu", 3).workers == 3
    assert make_executor("cpu").workers == available_cores() == len(os.sched_getaffinity(0))


def test_a_gpu_gets_processes_as_far_as_there_are_cores(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = []
    for cores in (1, 4, 16, 64):
        monkeypatch.setattr(executors, "available_cores", lambda cores=cores: cores)
        found.append(make_executor("cuda").workers)
    assert found == [2, 2, 14, 24]
    assert make_executor("cuda", 1).workers == 1
    assert make_executor("cuda", 3).workers == 3


def test_the_gpus_are_named_by_a_worker_where_there_are_workers(monkeypatch):
    names = ["NVIDIA H200", "NVIDIA L4", "NVIDIA H200"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)

    class Workers:
        workers = 2

        def __init__(self, result):
            self.result = result

        def run(self, function, items):
            asked.append(function)
            yield from ((item, self.result) for item in items)

    asked: list[object] = []
    assert device_name("cuda", SerialExecutor()) == "NVIDIA H200 and NVIDIA L4"
    assert device_name("cuda", Workers("NVIDIA A")) == "NVIDIA A"
    assert device_name("cuda", Workers(WorkerDied())) == "cuda"
    assert device_name("cpu", Workers("nobody asks")) == "cpu"
    assert len(asked) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_the_users_error():
    assert find_device("auto") == "cpu"
    with pytest.raises(UserError, match="finds no GPU; use --device cpu"):
        find_device("cuda")
