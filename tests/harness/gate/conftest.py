"""What the proof of the gate shares: small networks, a baseline, and a truth of two lengths."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import PlainProgress
from untrained.harness.execution.runner import run_plans
from untrained.harness.gate.baseline_files import Baseline, load_baseline, write_baseline
from untrained.harness.gate.check import Check, check_baseline
from untrained.harness.gate.update import measure_baseline
from untrained.harness.study.plan import Plan
from untrained.harness.study.study import Study
from untrained.harness.study.study_file import Named, parse_study
from untrained.results import Finding, ScoreStore
from untrained.spaces import Benchmark, Network, NetworkSize, Target, benchmarks, spaces
from untrained.spaces.benchmarks.benchmark import Provenance
from untrained.spaces.nasbench201.network import Cell, NASBench201Network

INDICATORS = ["epe_nas", "grad_norm", "jacov", "nasi", "naswot", "params", "snip", "synflow"]
COMMAND = "untrained check toy --update"
STUDY = """
title = "toy"
spaces = ["nasbench201"]
indicators = INDICATORS
inputs = "gaussian"
seeds = [0, 1, 2]
resolution = 8
batch_size = 8
channels = 3
cells = 1

[population]
kind = "sample"
n = 12

[truth]
benchmark = "toy-table"
metric = "test_accuracy"
epochs = 200
""".replace("INDICATORS", json.dumps(INDICATORS))


class OneStage(NASBench201Network):
    """The network up to its first reduction: a third of the modules, and of the time."""

    def __init__(self, operations: Sequence[str], size: NetworkSize) -> None:
        nn.Module.__init__(self)
        channels = size.channels
        self.stem = nn.Sequential(
            nn.Conv2d(size.in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.cells = nn.ModuleList([Cell(operations, channels)])
        self.lastact = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, size.num_classes)


def small_networks(patch: pytest.MonkeyPatch) -> None:
    """Let the space build networks of one stage: the gate compares numbers, whatever made them."""

    def network(self, arch: str, size: NetworkSize) -> Network:
        return OneStage(self.operations(arch), size)

    patch.setattr(type(spaces["nasbench201"]), "_network", network)


class ToyTable(Benchmark):
    """The embedded accuracies as if trained for 200 epochs, and worse ones of 12."""

    name = "toy-table"
    space = "nasbench201"
    kind = "tabular"
    fallback = True
    serves: dict[Target, Target]
    """What is given for what is asked for, where that differs: a mistake to be found."""

    def __init__(self) -> None:
        table = benchmarks["nasbench201-analog"].table().set_index("architecture")["value"]
        rng = np.random.default_rng(0)
        self.serves = {}
        self._columns = {
            Target("cifar10", "test_accuracy", 200): table,
            Target("cifar10", "test_accuracy", 12): table - 20 + rng.normal(0, 8, table.size),
            Target("cifar10", "valid_accuracy", 200): table - 1 + rng.normal(0, 1, table.size),
        }

    @property
    def provenance(self) -> Provenance:
        return Provenance("Toy", "tabular", "toy.parquet", "0" * 64)

    def missing(self) -> str | None:
        return None

    def targets(self) -> tuple[Target, ...]:
        return tuple(sorted(self._columns))

    def _values(self, target: Target) -> pd.Series[float]:
        return self._columns[self.serves.get(target, target)]


@pytest.fixture(scope="session")
def _toy() -> ToyTable:
    return ToyTable()


@pytest.fixture(autouse=True)
def toy_table(_toy: ToyTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyTable]:
    """The truth of the baseline, registered for the length of a test."""
    monkeypatch.setitem(benchmarks._items, _toy.name, _toy)
    small_networks(monkeypatch)
    yield _toy
    _toy.serves.clear()


@pytest.fixture(scope="session")
def study_of() -> Callable[..., Named[Study]]:
    """The study of the baseline, with some texts replaced."""

    def make(**replaced: str) -> Named[Study]:
        text = STUDY
        for old, new in replaced.items():
            line = next(one for one in STUDY.splitlines() if one.startswith(f"{old} ="))
            text = text.replace(line, f"{old} = {new}")
        return parse_study(text, place="study.toml", command=COMMAND)

    return make


def fill(store: ScoreStore, plans: Sequence[Plan]) -> None:
    """In this process, where sabotage works."""
    run_plans(plans, store, executor=SerialExecutor(), progress=PlainProgress())


@pytest.fixture(scope="session")
def measure(
    _toy: ToyTable, study_of: Callable[..., Named[Study]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[dict[str, str], Path]]:
    """Measure a baseline of the study with some texts replaced: its files, and its store."""

    def run(**replaced: str) -> tuple[dict[str, str], Path]:
        threads = torch.get_num_threads()
        path = tmp_path_factory.mktemp("gate") / "s.sqlite"
        with pytest.MonkeyPatch.context() as patch, ScoreStore(path) as store:
            patch.setitem(benchmarks._items, _toy.name, _toy)
            small_networks(patch)
            study = study_of(**replaced)
            made = measure_baseline(None, store=store, fill=fill, command=COMMAND, study=study)
        assert torch.get_num_threads() == threads
        return made, path

    return run


@pytest.fixture(scope="session")
def measured(measure: Callable[..., tuple[dict[str, str], Path]]) -> tuple[dict[str, str], Path]:
    """The baseline of the study."""
    return measure()


@pytest.fixture
def contents(measured: tuple[dict[str, str], Path]) -> dict[str, str]:
    """The files of the baseline."""
    return measured[0]


@pytest.fixture
def folder(contents: dict[str, str], tmp_path: Path) -> Path:
    """The baseline on disk."""
    write_baseline(tmp_path / "toy", contents)
    return tmp_path / "toy"


@pytest.fixture
def baseline(folder: Path) -> Baseline:
    """The baseline, read."""
    return load_baseline(str(folder))


@pytest.fixture
def check(
    baseline: Baseline, measured: tuple[dict[str, str], Path], tmp_path: Path
) -> Callable[..., Check]:
    """A check of the baseline in this process; with its own scores where none would differ."""

    def run(*, golden: bool = True, same_scores: bool = False, **options: object) -> Check:
        held = baseline if golden else replace(baseline, golden=())
        with ScoreStore(tmp_path / "new.sqlite") as store:
            if same_scores:
                store.absorb(measured[1])
            return check_baseline(held, store=store, fill=fill, **options)

    return run


@pytest.fixture(scope="session")
def named() -> Callable[[Check], set[tuple[str, str]]]:
    """Tier and subject of everything that a check fails by."""

    def those(check: Check) -> set[tuple[str, str]]:
        return {(one.tier, one.subject) for one in check.failed}

    return those


@pytest.fixture(scope="session")
def found() -> Callable[[Check, str, str], Finding]:
    """One finding of a check."""

    def one(check: Check, tier: str, subject: str) -> Finding:
        (finding,) = [f for f in check.findings if (f.tier, f.subject) == (tier, subject)]
        return finding

    return one
