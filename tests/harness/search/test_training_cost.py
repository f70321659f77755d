"""Seconds of simulated trainings: recorded, modelled, unknown."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import UserError
from untrained.harness.search.experiment.setup import prepare_search
from untrained.harness.study.search_study import SearchStudy
from untrained.harness.study.study_file import checked
from untrained.spaces import (
    Architecture,
    Benchmark,
    Provenance,
    Target,
    TrainingCost,
    benchmarks,
    find_benchmark,
    spaces,
)

SPACE = spaces["nasbench201"]
TEXTS = [SPACE.sample(np.random.default_rng(i)).text for i in range(3)]

needs_data = pytest.mark.skipif(
    not Path(os.environ.get("UNTRAINED_DATA", "/nowhere"), "tables").is_dir(),
    reason="needs UNTRAINED_DATA",
)


class ByHand(Benchmark):
    """A table of a few columns."""

    name = "by_hand"
    space = "nasbench201"
    kind = "tabular"

    def __init__(self, columns: dict[Target, list[float]]) -> None:
        self.columns = columns

    @property
    def provenance(self) -> Provenance:
        return Provenance("by hand", "tabular", "none", "0" * 64)

    def missing(self) -> str | None:
        return None

    def targets(self) -> tuple[Target, ...]:
        return tuple(sorted(self.columns))

    def _values(self, target: Target) -> pd.Series:
        values = pd.Series(self.columns[target], index=TEXTS)
        values.index.name = "architecture"
        return values


def arch(place: int) -> Architecture:
    return Architecture("nasbench201", TEXTS[place])


def test_recorded_seconds_are_the_training_and_one_evaluation():
    benchmark = ByHand(
        {
            Target("cifar10", "train_time_s", 12): [120.0, 60.0, float("nan")],
            Target("cifar10", "valid_time_s", 12): [24.0, 12.0, 12.0],
            Target("cifar10", "train_time_s", 200): [2000.0, 1000.0, 3000.0],
            Target("cifar10", "valid_time_s", 200): [400.0, 200.0, 100.0],
            Target("cifar10", "valid_accuracy", 12): [80.0, 81.0, 82.0],
        }
    )
    cost = benchmark.training_cost("cifar10")
    assert cost.text.startswith("recorded")
    assert cost.seconds(arch(0), 12) == 120 + 24 / 12
    assert cost.seconds(arch(1), 200) == 1000 + 200 / 200
    assert cost.seconds(arch(2), 12) == 0 + 12 / 12, "a time that nobody recorded"


def test_recorded_seconds_without_evaluations():
    benchmark = ByHand({Target("cifar10", "train_time_s", 12): [120.0, 60.0, 30.0]})
    assert benchmark.training_cost("cifar10").seconds(arch(0), 12) == 120


@pytest.fixture
def without_recorded_seconds(monkeypatch):
    monkeypatch.setattr(benchmarks["nasbench201_seconds"], "missing", lambda: "not here")


def test_seconds_recorded_in_a_table_of_their_own_come_before_the_model(monkeypatch):
    recorded = benchmarks["nasbench201_seconds"]
    frame = pd.DataFrame({"architecture": TEXTS[:3], "value": [120.0, 60.0, 240.0]})
    monkeypatch.setattr(recorded, "missing", lambda: None)
    monkeypatch.setattr(recorded, "table", lambda **target: frame)
    benchmark = ByHand({Target("cifar10", "params_millions"): [0.4, 0.4, 0.4]})
    cost = benchmark.training_cost("cifar10")
    assert cost.text == (
        "recorded for 12 epochs on CIFAR-10; an evaluation is MODELLED as 0.35 epochs"
    )
    assert [cost.seconds(arch(i), 12) for i in range(3)] == [
        pytest.approx(12.35 * epoch_s) for epoch_s in (10, 5, 20)
    ]
    other = benchmark.training_cost("cifar100")
    assert other.text.endswith("and an epoch on cifar100 as 2 of CIFAR-10's, by its images")
    assert other.seconds(arch(0), 200) == pytest.approx(2 * 200.35 * 10)


def modelled(params: list[float], dataset: str) -> TrainingCost:
    cost = ByHand({Target("cifar10", "params_millions"): params}).training_cost(dataset)
    assert cost.text.startswith("MODELLED")
    return cost


@pytest.mark.usefixtures("without_recorded_seconds")
def test_the_model_gives_back_what_it_was_made_of():
    # two printed epochs of the benchmark's interface, and the mean over its architectures
    cost = modelled([0.802426, 0.129306, 0.398554], "cifar10")
    epochs = [cost.seconds(arch(i), 12) / 12.35 for i in range(3)]
    assert epochs[0] - epochs[1] == pytest.approx(10.848 - 7.221)
    assert epochs[2] == pytest.approx(9.14)
    assert cost.seconds(arch(2), 200) / cost.seconds(arch(2), 12) == pytest.approx(200.35 / 12.35)


@pytest.mark.usefixtures("without_recorded_seconds")
@pytest.mark.parametrize(
    ("dataset", "images"), [("cifar10", 25_000), ("cifar100", 50_000), ("imagenet16-120", 151_700)]
)
def test_other_datasets_cost_by_their_images(dataset, images):
    base = modelled([0.4, 0.4, 0.4], "cifar10").seconds(arch(0), 12)
    here = modelled([0.4, 0.4, 0.4], dataset).seconds(arch(0), 12)
    assert here / base == pytest.approx(images / 25_000)


@pytest.mark.usefixtures("without_recorded_seconds")
def test_what_nobody_knows_costs_nothing_and_refuses_a_budget_in_seconds():
    benchmark = ByHand({Target("cifar10", "valid_accuracy", 12): [80.0, 81.0, 82.0]})
    cost = benchmark.training_cost("cifar10")
    assert not cost.is_known
    assert cost.seconds(arch(0), 12) == 0
    study = checked(
        SearchStudy,
        {
            "space": "nasbench201",
            "search": [
                {
                    "searcher": "random",
                    "settings": {"by": "accuracy", "n": 0},
                    "seconds": 100.0,
                    "confined": True,
                }
            ],
        },
    )
    with pytest.raises(UserError, match=r"a budget of 100 s was given.*--evaluations"):
        prepare_search(study.search[0], study, benchmark)


@needs_data
@pytest.mark.parametrize(("source", "least"), [("recorded", 30), ("MODELLED", 80)])
def test_twelve_thousand_seconds_buy_106_trainings(source, least, request):
    if source == "MODELLED":
        request.getfixturevalue("without_recorded_seconds")
    benchmark = find_benchmark("nasbench201")
    cost = benchmark.training_cost("cifar10")
    assert cost.text.startswith(source)
    texts = benchmark.table(dataset="cifar10", metric="params_millions")["architecture"]
    seconds = [cost.seconds(Architecture("nasbench201", text), 12) for text in texts]
    assert np.mean(seconds) == pytest.approx(112.9, abs=0.1)
    assert round(12_000 / np.mean(seconds)) == 106
    assert min(seconds) > least
