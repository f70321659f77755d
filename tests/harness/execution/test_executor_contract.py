"""Executors of this project and of others keep the contract; each promise finds who breaks it."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from untrained.foundation import UnknownName
from untrained.harness.contract import examine_executor, executor_promises, find_subjects
from untrained.harness.execution.engines import (
    Engine,
    Executor,
    Request,
    WorkerDied,
    executors,
    open_executor,
)
from untrained.harness.execution.executors import SerialExecutor

PLUGIN = '''
"""An executor of another package: the networks of a list in the order of their end."""

from contextlib import contextmanager

from untrained.harness.execution.engines import Request, WorkerDied, register_executor
from untrained.harness.execution.executors import SerialExecutor


class Announcing(SerialExecutor):
    def run(self, function, items):
        for number, (item, result) in enumerate(super().run(function, items)):
            print("network", number)
            yield item, result


@register_executor("announcing", "one after the other, each announced")
@contextmanager
def announcing(request: Request):
    yield Announcing()
'''


@pytest.mark.parametrize("name", ["serial", "dask"])
def test_our_own_keep_it(name, in_threads):
    """The deaths of dask's processes have tests of their own: each costs seconds."""
    found = examine_executor(executors[name])
    assert [f.promise for f in found if f.kept is None] == ["what_kills_its_process_is_lost_alone"]
    assert [f for f in found if f.kept is False] == []


def test_an_entry_point_adds_an_executor_that_is_examined_by_its_name(
    tmp_path: Path, monkeypatch, capsys
):
    (tmp_path / "announcing_executor.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = EntryPoint("announcing", "announcing_executor", "untrained.executors")
    found: Callable[..., Any] = importlib.metadata.entry_points
    assert executors._group == entry.group
    with executors.borrowed():
        monkeypatch.setattr(
            "importlib.metadata.entry_points",
            lambda group: [entry] if group == entry.group else found(group=group),
        )
        monkeypatch.setattr(executors, "_loaded", False)
        with open_executor("announcing", Request()) as executor:
            assert list(executor.run(abs, [-1, 2])) == [(-1, 1), (2, 2)]
        assert capsys.readouterr().out == "network 0\nnetwork 1\n"
        (title,) = find_subjects(["executor:announcing"], project=tmp_path)
        suite, subject = find_subjects(["announcing"], project=tmp_path)[title]
        assert title == "executor announcing"
        assert len(suite) == len(executor_promises(subject)) + 1
        suite["scores_are_those_of_this_process"](subject)
    sys.modules.pop("announcing_executor")


def test_a_name_that_no_executor_has():
    with pytest.raises(UnknownName, match=r"no executor named 'daks'; did you mean dask"):
        open_executor("daks", Request())


class Bare(SerialExecutor):
    """Without isolation."""

    def run(self, function, items):
        for item in items:
            yield item, function(item)


class Threads(Bare):
    workers = 2

    def run(self, function, items):
        import torch

        torch.set_num_threads(3)
        yield from super().run(function, items)


class Greedy(SerialExecutor):
    def run(self, function, items):
        yield from super().run(function, list(items))


class Losing(SerialExecutor):
    def run(self, function, items):
        pairs = super().run(function, items)
        next(pairs, None)
        yield from pairs


class Hiding(SerialExecutor):
    def run(self, function, items):
        for item in items:
            try:
                yield item, function(item)
            except ZeroDivisionError:
                yield item, WorkerDied()


class Rounding(SerialExecutor):
    def run(self, function, items):
        from dataclasses import replace

        for item, result in super().run(function, items):
            if isinstance(result, list):
                yield item, [replace(score, value=score.value * (1 + 1e-12)) for score in result]
            else:
                yield item, result


class Mortal(SerialExecutor):
    """Its workers die, and it takes every task for the culprit."""

    def run(self, function, items):
        for item, result in super().run(lambda x: os.getpid() + 1, items):
            yield item, (result, 1) if function.__name__ == "_threads" else WorkerDied()


@pytest.mark.parametrize(
    ("executor", "promise", "said"),
    [
        (Threads(), "networks_have_one_thread", "has found 3 threads"),
        (Greedy(), "an_endless_list_is_taken_bit_by_bit", "taken more than 2000 tasks"),
        (Losing(), "scores_are_those_of_this_process", "of the tasks"),
        (Hiding(), "a_mistake_of_the_function_is_raised", "instead of the exception"),
        (
            Rounding(),
            "scores_are_those_of_this_process",
            "executors.isolated()",
        ),
        (Mortal(), "what_kills_its_process_is_lost_alone", "the other tasks were answered by"),
    ],
)
def test_each_promise_finds_who_breaks_it(executor, promise, said):
    found = examine_one(executor, promise)
    assert found.kept is False
    assert said in found.detail


def examine_one(executor: Executor, promise: str) -> Any:
    @contextmanager
    def opened(request: Request) -> Iterator[Executor]:
        yield executor

    engine = Engine("own", "an executor", opened)
    return executor_promises(engine)[promise].finding(engine)
