"""Cells that a search of DARTS finds, as other tools read them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest

from untrained.spaces import spaces

ARGUMENTS = [
    *("search", "--searcher", "evolution", "--space", "darts", "--indicator", "params"),
    *("--set", "population=3", "--set", "steps=3", "--runs", 2, "--workers", 1),
]


def load(path: Path):
    spec = importlib.util.spec_from_file_location("genotypes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_answer_of_every_run_is_a_genotype_in_python(untrained, tmp_path, monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    folder = tmp_path / "out"
    code, _, err = untrained(*ARGUMENTS, "--store", tmp_path / "s.sqlite", "--output", folder)
    assert code == 0, err
    module = load(folder / "genotypes.py")
    found = {name: value for name, value in vars(module).items() if name[-2:] in ("_0", "_1")}
    assert sorted(found) == [f"evolution_by_params_population_3_steps_3_{run}" for run in range(2)]
    finals = pd.read_csv(folder / "runs.csv")["architecture"]
    space = spaces["darts"]
    for (name, genotype), final in zip(sorted(found.items()), finals, strict=True):
        assert isinstance(genotype, module.Genotype), name
        for cell, concat in (
            (genotype.normal, genotype.normal_concat),
            (genotype.reduce, genotype.reduce_concat),
        ):
            # what DARTS's networks are built from: two edges for each of four nodes
            assert len(cell) == 8
            assert list(concat) == [2, 3, 4, 5]
            for place, (operation, source) in enumerate(cell):
                assert isinstance(operation, str)
                assert 0 <= source < 2 + place // 2
        assert space.parse(repr(genotype)).text == final


@pytest.mark.skipif(
    not Path(os.environ.get("UNTRAINED_DATA", "/nowhere"), "surrogates").is_dir(),
    reason="needs UNTRAINED_DATA",
)
def test_it_comes_with_its_surrogate_accuracy(untrained, tmp_path):
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "out"
    code, _, err = untrained(*ARGUMENTS, "--store", tmp_path / "s.sqlite", "--output", folder)
    assert code == 0, err
    runs = pd.read_csv(folder / "runs.csv")
    accuracy = runs.filter(like="surrogate_accuracy")
    assert accuracy.shape[1] == 1
    assert accuracy.iloc[:, 0].between(80, 97).all()


def test_other_spaces_have_no_such_file(untrained, tmp_path, monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    folder = tmp_path / "out"
    code, _, err = untrained(
        *("search", "--searcher", "random", "--space", "nasbench201", "--indicator", "params"),
        *("--benchmark", "nasbench201-analog", "--set", "n=2", "--runs", 1, "--workers", 1),
        *("--store", tmp_path / "s.sqlite", "--output", folder),
    )
    assert code == 0, err
    assert not (folder / "genotypes.py").exists()
    assert not (folder / "fronts.csv").exists()
