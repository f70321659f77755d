"""Memory that runs out costs the score that asked for it; on request its batch is divided."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.indicators import indicators
from untrained.results import ScoreStore

GIB = 2**30


@pytest.fixture
def little_memory():
    """Let this process take one and a half further GiB of memory, no more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 3 * GIB // 2, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def mean_of_parts(m):
    """Take 1 GiB for each sample of a part; the mean over samples of something."""
    total = 0.0
    for part in m.input_parts:
        taken = torch.empty(len(part), GIB, dtype=torch.uint8)
        total += float(part.double().mean(dim=(1, 2, 3)).sum())
        del taken
    return total / len(m.inputs)


@pytest.fixture
def run(tiny_study, rows, tmp_path: Path):
    def go(name="s.sqlite", **changes):
        study = tiny_study(population={"n": 2}, batch_size=4, resolution=8, **changes)
        with ScoreStore(tmp_path / name) as store:
            run_plans(plan_study(study), store, executor=SerialExecutor(), progress=Progress())
        return rows(tmp_path / name).set_index("indicator")

    return go


NAMES = ["hungry", "divisible", "params"]


@pytest.fixture
def hungry(add_indicator):
    protocol = indicators["vkdnw"].protocol
    add_indicator("hungry", mean_of_parts, protocol=protocol)
    add_indicator("divisible", mean_of_parts, protocol=protocol, splits=True)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_memory_that_runs_out_costs_the_scores_that_asked_for_it(run, hungry, little_memory):
    frame = run(indicators=NAMES)
    for name in ("hungry", "divisible"):
        assert set(frame.loc[name, "status"]) == {"out_of_memory"}
        assert frame.loc[name, "reason"].str.contains("can't allocate memory").all()
    assert set(frame.loc["params", "status"]) == {"ok"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_on_request_the_batch_is_divided_where_the_score_allows_it(run, hungry, little_memory):
    frame = run(indicators=NAMES, split=True)
    assert set(frame.loc["hungry", "status"]) == {"out_of_memory"}
    assert frame.loc["hungry", "reason"].str.endswith("not the same in parts of the batch").all()
    assert set(frame.loc["divisible", "status"]) == {"ok"}
    assert set(frame.loc["divisible", "reason"]) == {
        "measured in 4 parts of the batch, for want of memory"
    }
    assert set(frame.loc["params", "reason"]) == {""}


def test_a_divided_batch_gives_the_score_of_the_whole_one(run, monkeypatch):
    whole = run(indicators=["vkdnw"])
    again = run("split.sqlite", indicators=["vkdnw"], split=True)
    assert again.equals(whole), "as long as memory suffices nothing is divided"
    function = indicators["vkdnw"].function

    def short_of_memory(m):
        if m.parts < 2:
            raise MemoryError
        return function(m)

    short = replace(indicators["vkdnw"], function=short_of_memory)
    monkeypatch.setitem(indicators._items, "vkdnw", short)
    parts = run("parts.sqlite", indicators=["vkdnw"], split=True)
    assert parts["protocol"].equals(whole["protocol"]), "the key is the same"
    assert parts["value"].tolist() == pytest.approx(whole["value"].tolist(), rel=1e-5, nan_ok=True)
    alive = whole["status"] == "ok"
    assert alive.any()
    assert parts["reason"][alive].str.startswith("measured in 2 parts").all()
    assert parts["reason"][~alive].equals(whole["reason"][~alive])
