"""Dask's workers give the same bits as this process, and outlive what they measure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from untrained.foundation import UserError
from untrained.harness.execution.engines import Executor, Request, WorkerDied, open_executor
from untrained.harness.execution.engines.dask_driver import MOST_IN_BATCH, BatchSize
from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.results import ScoreStore

INDICATORS = ["naswot", "grad_norm", "synflow", "random"]


@pytest.fixture(scope="module")
def local(work) -> Iterator[Executor]:
    """One worker of dask in this process, with one process that measures."""
    with open_executor("dask", Request(workers=1, tell=lambda text: None)) as executor:
        yield executor


def test_scores_have_the_bits_of_this_process(local, tiny_study: Callable, rows, tmp_path):
    plans = plan_study(tiny_study(indicators=INDICATORS))
    for name, executor in (("serial", SerialExecutor()), ("dask", local)):
        with ScoreStore(tmp_path / name) as store:
            summary = run_plans(plans, store, executor=executor, progress=Progress())
            assert summary.num_failures == 0
            assert len(store.environments()) == 1
    assert rows(tmp_path / "dask").equals(rows(tmp_path / "serial"))


def test_networks_are_measured_in_another_process_by_one_thread(local, work):
    (_, process), (_, threads) = *local.run(work.process, [0]), *local.run(work.threads, [0])
    assert process != os.getpid()
    assert threads == 1
    assert [pid for _, pid in local.run(work.process, range(3))] == [process] * 3


def test_a_mistake_of_the_function_is_raised_here(local, work):
    with pytest.raises(ZeroDivisionError, match="a mistake of the function"):
        list(local.run(work.fail, [3]))
    with pytest.raises(SystemExit):
        list(local.run(work.leave, [3]))


def test_a_hang_in_c_code_is_a_timeout_and_its_process_is_replaced(local, work):
    found = dict(local.run(work.hang, [1, 3, 2]))
    assert found.pop(3) == WorkerDied(
        "not done after 0.1 s and could not be interrupted: its worker process was ended", "timeout"
    )
    assert found == {1: 1, 2: 2}


def test_what_kills_its_process_is_lost_alone(local, work):
    assert dict(local.run(work.die, [1, 3])) == {1: 1, 3: WorkerDied()}


def test_batches_grow_and_an_endless_list_is_taken_bit_by_bit(in_threads, work, quiet):
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    with open_executor("dask", Request(workers=2, tell=quiet)) as executor:
        running = executor.run(work.square, numbers())
        found = list(islice(running, 3000))
        running.close()
        assert sorted(found)[:100] == [(x, x * x) for x in range(1, 101)]
        assert taken <= 3000 + 6 * MOST_IN_BATCH
        assert list(executor.run(work.square, [7])) == [(7, 49)]
        assert list(executor.run(work.square, [])) == []


def test_a_batch_lasts_about_a_second():
    batch = BatchSize()
    sizes = [batch.size]
    for seconds_each in [0.001] * 20 + [0.1] * 20 + [3.0] * 5:
        batch.took(batch.size, seconds_each * batch.size)
        sizes.append(batch.size)
    assert sizes[:4] == [1, 1, 2, 4]
    assert sizes[20] == MOST_IN_BATCH
    assert sizes[40] in (9, 10)
    assert sizes[-1] == 1


def test_a_scheduler_is_of_no_use_to_other_executors():
    request = Request(scheduler="tcp://127.0.0.1:1")
    with pytest.raises(UserError, match=r"no executor was named. Give --executor dask"):
        open_executor(None, request)
    with pytest.raises(UserError, match=r"serial runs on this machine. Give .* one of: dask"):
        open_executor("serial", request)
    with pytest.raises(UserError, match=r"serial has one. Give --executor processes"):
        open_executor("serial", Request(workers=2)).__enter__()
