"""Scores and what the caller has set for tensors: neither changes the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from untrained.harness.data.inputs import batches
from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.indicators import measure
from untrained.results import ScoreStore

INDICATORS = ["snip", "naswot", "zen"]


@pytest.fixture
def defaults():
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    batches.cache_clear()


def scores(tmp_path, tiny_study: Callable, name: str) -> dict[tuple[str, str], str]:
    batches.cache_clear()
    plans = plan_study(tiny_study(indicators=INDICATORS, population={"n": 2}))
    with ScoreStore(tmp_path / f"{name}.sqlite") as store:
        run_plans(plans, store, executor=SerialExecutor(), progress=Progress())
        frame = store.frame()
        settings = next(iter(store.environments().values()))
    assert settings.cpu_capability == torch.backends.cpu.get_cpu_capability()
    assert settings.matmul_precision == "highest"
    assert not frame.empty
    assert set(frame["status"]) <= {"ok", "diverged"}
    return frame.set_index(["indicator", "architecture"])["value"].map(repr).to_dict()


@pytest.mark.usefixtures("defaults")
def test_scores_do_not_depend_on_the_callers_defaults(tmp_path, tiny_study):
    wanted = scores(tmp_path, tiny_study, "plain")
    torch.set_default_dtype(torch.float64)
    assert scores(tmp_path, tiny_study, "dtype") == wanted
    assert torch.get_default_dtype() == torch.float64
    torch.set_default_device("meta")
    assert scores(tmp_path, tiny_study, "device") == wanted
    assert torch.get_default_device().type == "meta"


@pytest.mark.usefixtures("defaults")
def test_own_networks_are_measured_alike():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    inputs, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 5
    names = ["snip", "naswot", "grasp", "gradsign"]
    wanted = measure(network, inputs, labels, names)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    assert measure(network, inputs, labels, names) == wanted
    assert all(map(math.isfinite, wanted.values()))
