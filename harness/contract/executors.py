"""What an executor promises: the same bits, bounded submission, deaths as values."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, islice

import torch

from untrained.harness.contract.promise import Finding, Inapplicable, Suite, require
from untrained.harness.execution.engines import Engine, Executor, Request, WorkerDied
from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.scoring import score_task
from untrained.harness.study.plan import ScoreTask, plan_study
from untrained.harness.study.study import Population, Study

AHEAD = 2000
"""Items for each worker that an executor may take before it has answered any."""

_promises: Suite[Engine] = Suite()


def executor_promises(engine: Engine) -> Suite[Engine]:
    """The promises of an executor; each opens it with two workers, or as many as it has."""
    del engine
    return _promises


def examine_executor(engine: Engine) -> list[Finding]:
    """Check all promises of an executor."""
    return executor_promises(engine).findings(engine)


@contextmanager
def _opened(engine: Engine) -> Iterator[Executor]:
    workers = None if engine.name == "serial" else 2
    with engine.open(Request(workers=workers, tell=lambda text: None)) as executor:
        yield executor


def _tasks() -> list[ScoreTask]:
    """Four small networks by an indicator of gradients and one of random numbers."""
    study = Study(
        spaces=("nasbench201",),
        indicators=("grad_norm", "random"),
        population=Population(n=4),
        channels=4,
        cells=1,
        batch_size=8,
    )
    (plan,) = plan_study(study)
    return list(plan.tasks(plan.keys, device="cpu"))


@_promises.promise
def scores_are_those_of_this_process(engine: Engine) -> None:
    """Every task is answered once, with the bits that this process computes."""
    tasks = _tasks()
    with _opened(engine) as executor:
        found = list(executor.run(score_task, tasks))
    answered = sorted(task.architecture for task, _ in found)
    wanted = sorted(task.architecture for task in tasks)
    require(answered == wanted, f"of the tasks {wanted} it has answered {answered}")
    by_task = {task.architecture: result for task, result in found}
    for task, expected in SerialExecutor().run(score_task, tasks):
        result = by_task[task.architecture]
        if isinstance(expected, WorkerDied) or isinstance(result, WorkerDied):
            require(False, f"{task.architecture} ended as {result}; it does no harm to a process")
            continue
        for ours, theirs in zip(expected, result, strict=True):
            require(
                (ours.key, ours.value.hex(), ours.status)
                == (theirs.key, theirs.value.hex(), theirs.status),
                f"{ours.indicator} of {ours.architecture} is {theirs.value!r} "
                f"({theirs.status}), but {ours.value!r} ({ours.status}) in this process; compute "
                "inside untrained.harness.execution.executors.isolated()",
            )


def _threads(_: int) -> tuple[int, int]:
    return os.getpid(), torch.get_num_threads()


@_promises.promise
def networks_have_one_thread(engine: Engine) -> None:
    """Tasks run with one thread of torch: sums of several depend on their number."""
    with _opened(engine) as executor:
        for _, result in executor.run(_threads, range(3)):
            require(
                not isinstance(result, WorkerDied) and result[1] == 1,
                f"a task has found {result[1]} threads; compute inside "  # type: ignore[index]
                "untrained.harness.execution.executors.isolated()",
            )


def _same(item: int) -> int:
    return item


@_promises.promise
def an_endless_list_is_taken_bit_by_bit(engine: Engine) -> None:
    """Tasks are taken as workers become free, and what is left is forgotten on closing."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in count():
            taken = number + 1
            # without this an executor that takes all at once would never come back
            require(taken - answered <= AHEAD * workers, text)
            yield number

    with _opened(engine) as executor:
        workers, answered = max(executor.workers, 1), 0
        text = f"it has taken more than {AHEAD * workers} tasks that it has not answered"
        with closing(executor.run(_same, items())) as results:
            for item, result in islice(results, 20):
                require(item == result, f"the result of {item} is {result}")
                answered += 1
        before = taken
        again = dict(executor.run(_same, range(3)))
        require(again == {0: 0, 1: 1, 2: 2}, f"after a closed run it answers {again}")
        require(taken == before, "it has gone on with a run that was closed")
        require(not list(executor.run(_same, [])), "it has answered an empty list")


def _fail(item: int) -> int:
    raise ZeroDivisionError(f"on purpose, with {item}")


@_promises.promise
def a_mistake_of_the_function_is_raised(engine: Engine) -> None:
    """An exception of the function is raised where the results are read."""
    with _opened(engine) as executor:
        try:
            found = list(executor.run(_fail, [1]))
        except ZeroDivisionError:
            return
        require(False, f"instead of the exception it has answered {found}")


def _die(item: int) -> int:
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@_promises.promise
def what_kills_its_process_is_lost_alone(engine: Engine) -> None:
    """A task that kills its process ends as `WorkerDied`; the others are done."""
    with _opened(engine) as executor:
        for _, result in executor.run(_threads, [0]):
            if not isinstance(result, WorkerDied) and result[0] == os.getpid():
                raise Inapplicable("its tasks run in the process of the run")
        found = dict(executor.run(_die, range(4)))
    died = isinstance(found.pop(1, None), WorkerDied)
    require(died, "the task that has killed its process did not end as WorkerDied")
    require(found == {0: 0, 2: 2, 3: 3}, f"the other tasks were answered by {found}")
