"""A run scores what is missing, once, and stores it as it comes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from untrained.foundation import Interrupted, StorageError
from untrained.harness.execution import runner
from untrained.harness.execution.executors import ProcessExecutor, SerialExecutor, WorkerDied
from untrained.harness.execution.progress import PlainProgress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.indicators import indicators
from untrained.results import ScoreStore
from untrained.spaces import spaces

# every kind of shared quantity; what trains a network would only take long
SHARING = (
    "naswot",
    "naswot_live",
    "nasi",
    "grad_norm",
    "snip",
    "fisher",
    "synflow",
    "jacov",
    "zico",
    "az_expressivity",
    "az_trainability",
    "params",
    "flops",
    "depth",
    "random",
)


@pytest.fixture
def run(tmp_path: Path, tiny_study: Callable):
    """Runs a small study into a store and returns the summary."""

    def go(name: str = "s.sqlite", *, executor=None, retry_failed: bool = False, **changes):
        with ScoreStore(tmp_path / name) as store:
            return run_plans(
                plan_study(tiny_study(**changes)),
                store,
                executor=executor or SerialExecutor(),
                progress=PlainProgress(),
                retry_failed=retry_failed,
            )

    return go


class Breaking(SerialExecutor):
    """An executor that is stopped after some tasks."""

    def __init__(self, tasks: int, error: BaseException) -> None:
        self.tasks, self.error = tasks, error

    def run(self, function, items):
        for number, pair in enumerate(super().run(function, items)):
            if number == self.tasks:
                raise self.error
            yield pair


def test_a_run_scores_everything_once(run, rows, tmp_path):
    assert run().scored == 12
    again = run()
    assert (again.wanted, again.stored_before, again.scored) == (12, 12, 0)
    assert dict(again.statuses) == {"ok": 12}
    assert again.num_failures == 0
    assert len(rows(tmp_path / "s.sqlite")) == 12


def test_a_store_completed_on_another_kind_of_device_is_warned_of(run, monkeypatch, capsys):
    with monkeypatch.context() as on_a_gpu:
        on_a_gpu.setattr(runner, "device_name", lambda device, executor: "NVIDIA H200")
        run(population={"n": 1})
        run(population={"n": 2})
    assert "untrained:" not in capsys.readouterr().err
    run(population={"n": 3})
    warning = capsys.readouterr().err
    assert re.search(r"contains wanted scores .* on NVIDIA H200, .* computed on cpu\.", warning)
    run(population={"n": 3})  # nothing is missing
    run(population={"n": 4}, indicators=["flops"])  # other scores
    assert "untrained:" not in capsys.readouterr().err


def test_executors_and_worker_counts_give_the_same_bits(run, rows, tmp_path):
    run("serial.sqlite", indicators=SHARING)
    run("two.sqlite", indicators=SHARING, executor=ProcessExecutor(2))
    expected = rows(tmp_path / "serial.sqlite")
    assert rows(tmp_path / "two.sqlite").equals(expected)


def test_scores_do_not_depend_on_what_was_done_before(run, rows, tmp_path):
    run("whole.sqlite", indicators=SHARING, population={"n": 6})
    run("parts.sqlite", indicators=["grad_norm"], population={"n": 2})
    run("parts.sqlite", indicators=["synflow", "naswot"], population={"n": 4})
    run("parts.sqlite", indicators=SHARING, population={"n": 6})
    assert rows(tmp_path / "parts.sqlite").equals(rows(tmp_path / "whole.sqlite"))


def test_an_interrupted_run_keeps_what_is_done_and_says_so(run, rows, tmp_path):
    with pytest.raises(Interrupted, match="run the same command again"):
        run("cut.sqlite", executor=Breaking(2, KeyboardInterrupt()))
    assert len(rows(tmp_path / "cut.sqlite")) == 8
    run("cut.sqlite")
    run("whole.sqlite")
    assert rows(tmp_path / "cut.sqlite").equals(rows(tmp_path / "whole.sqlite"))


@pytest.mark.parametrize("last", [False, True])
def test_a_dead_worker_costs_one_score_and_is_tried_again_on_request(run, rows, tmp_path, last):
    class Dying(SerialExecutor):
        """Its worker dies of one indicator on one network."""

        culprit = None

        def run(self, function, items):
            for number, (item, result) in enumerate(super().run(function, items)):
                if number == (2 if last else 1) and self.culprit is None:
                    self.culprit = item.architecture
                names = [one.indicator for one in item.wanted]
                died = item.architecture == self.culprit and "naswot" in names
                yield item, WorkerDied() if died else result

    summary = run(executor=Dying())
    assert dict(summary.statuses) == {"error": 1, "ok": 11}
    assert summary.num_failures == 1
    failed = rows(tmp_path / "s.sqlite").query("status == 'error'")
    assert failed["indicator"].tolist() == ["naswot"]
    assert failed["reason"].str.startswith("worker died").all()
    assert run().num_failures == 1, "a failure is a result, until it is asked for again"
    assert run(retry_failed=True).scored == 1
    run("whole.sqlite")
    assert rows(tmp_path / "s.sqlite").equals(rows(tmp_path / "whole.sqlite"))


@pytest.mark.parametrize("whole", [False, True])
def test_a_worker_that_hangs_costs_the_scores_at_fault(run, rows, tmp_path, whole):
    class Hanging(SerialExecutor):
        """Its worker hangs in one indicator of each network, or while one network is built."""

        def run(self, function, items):
            for number, (item, result) in enumerate(super().run(function, items)):
                names = [one.indicator for one in item.wanted]
                hangs = number == 0 if whole else "naswot" in names
                yield item, WorkerDied("it hangs", "timeout", whole) if hangs else result

    summary = run(executor=Hanging())
    assert dict(summary.statuses) == ({"ok": 8, "timeout": 4} if whole else {"ok": 9, "timeout": 3})
    late = rows(tmp_path / "s.sqlite").query("status == 'timeout'")
    assert set(late["reason"]) == {"it hangs"}
    assert (late["architecture"].nunique() == 1) if whole else set(late["indicator"]) == {"naswot"}


class Own(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), Own("x"), BaseExceptionGroup("g", [Own("x")])]
)
def test_an_indicator_that_ends_the_program_loses_its_own_scores(
    run, rows, add_indicator, tmp_path, error
):
    def bad(_):
        raise error

    add_indicator("bad", bad)
    run(indicators=["params", "bad", "naswot"], population={"n": 2})
    frame = rows(tmp_path / "s.sqlite").set_index("indicator")
    assert set(frame.loc["bad", "status"]) == {"error"}
    assert frame.loc["bad", "reason"].str.contains(type(error).__name__).all()
    assert set(frame.loc[["params", "naswot"], "status"]) == {"ok"}


def test_seeds_are_networks_of_their_own_on_the_same_inputs(run, rows, tmp_path):
    run(seeds=[0, 1], indicators=["grad_norm", "params"])
    frame = rows(tmp_path / "s.sqlite").pivot_table(
        index="architecture", columns=["indicator", "seed"], values="value"
    )
    assert (frame["params"][0] == frame["params"][1]).all()
    alive = frame["grad_norm"][0] > 0  # no gradient reaches a network without a path
    assert alive.sum() >= 2
    assert (frame["grad_norm"][0] != frame["grad_norm"][1])[alive].all()
    assert rows(tmp_path / "s.sqlite").groupby("indicator")["protocol"].nunique().max() == 1


def twins() -> tuple[str, str]:
    """Two members of one functional class; the first is its representative."""
    space = spaces["nasbench201"]
    for arch in space:
        first = space.canonical(arch)
        if first != arch and not space.is_constant(arch):
            return str(first), str(arch)
    raise AssertionError("every architecture is its own class")


def test_shared_classes_measure_one_member_where_the_indicator_allows_it(run, rows, tmp_path):
    first, second = twins()
    file = tmp_path / "list.txt"
    file.write_text(f"{second}\n{first}\n")
    population = {"kind": "list", "file": str(file)}
    names = ["naswot_live", "grad_norm", "params"]
    summary = run(population=population, share_classes=True, indicators=names)
    assert summary.num_failures == 0
    frame = rows(tmp_path / "s.sqlite").set_index(["indicator", "architecture"])
    for name in names:
        shared = indicators[name].class_invariant
        assert frame["representative"].fillna("own")[name, second] == (first if shared else "own")
        assert frame["representative"].isna()[name, first]
        assert not shared or frame.loc[(name, first), "value"] == frame.loc[(name, second), "value"]
    assert any(indicators[n].class_invariant for n in names)
    run("own.sqlite", population=population, indicators=names)
    own = rows(tmp_path / "own.sqlite").set_index(["indicator", "architecture"])
    assert (own.xs(first, level=1)["value"] == frame.xs(first, level=1)["value"]).all()


@pytest.mark.parametrize("shared_first", [True, False])
def test_a_store_does_not_mix_shared_and_own_scores(run, tmp_path, shared_first: bool):
    file = tmp_path / "list.txt"
    file.write_text("\n".join(twins()))
    fields = {
        "population": {"kind": "list", "file": str(file)},
        "indicators": ["naswot_live", "params"],
    }
    run(share_classes=shared_first, **fields)
    run(share_classes=shared_first, **fields)
    with pytest.raises(StorageError, match="Use the same setting, or another store"):
        run(share_classes=not shared_first, **fields)


def test_named_indicators_share_scores_and_others_do_not(run, rows, tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("\n".join(twins()))
    fields = {
        "population": {"kind": "list", "file": str(file)},
        "indicators": ["naswot_live", "synflow"],
    }
    run(share_classes=["naswot_live"], **fields)
    frame = rows(tmp_path / "s.sqlite")
    assert frame.query("representative.notna()")["indicator"].tolist() == ["naswot_live"]
    values = frame.groupby("indicator")["value"].nunique()
    assert values.to_dict() == {"naswot_live": 1, "synflow": 2}
    run(share_classes=["naswot_live"], **fields)
    with pytest.raises(StorageError, match="1 of the requested scores, computed with class"):
        run(share_classes=["synflow"], **fields)


def test_failed_scores_have_no_value(run, rows, tmp_path, add_indicator):
    def broken(measurement):
        raise RuntimeError("on purpose")

    add_indicator("broken", broken)
    summary = run(indicators=["broken", "params"])
    assert summary.num_failures == 3
    failed = rows(tmp_path / "s.sqlite").query("indicator == 'broken'")
    assert all(math.isnan(v) for v in failed["value"])


def test_protocols_are_stored_before_scores(run, tmp_path):
    with pytest.raises(Interrupted):
        run(executor=Breaking(0, KeyboardInterrupt()))
    with ScoreStore(tmp_path / "s.sqlite") as store:
        assert all(store.protocols().values())
        assert len(store.protocols()) >= 2
