"""Accuracies of one's own as ground truth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import MalformedInput, MissingData, UnknownName
from untrained.spaces import Target, find_benchmark, spaces

A, B = "00000000", "12012021"


def benchmark(path: Path, content: str):
    path.write_text(content, encoding="utf-8")
    return find_benchmark("nasbenchmacro", str(path))


def test_columns_are_metrics(tmp_path):
    found = benchmark(
        tmp_path / "mine.csv",
        f"architecture,test_accuracy,val_loss,who\n{A},91.5,0.3,me\n {B} ,92,,you\n",
    )
    assert found.targets() == (Target("mine", "test_accuracy"), Target("mine", "val_loss"))
    assert found.default_target == Target("mine", "test_accuracy")
    assert found.query(B, metric="test_accuracy") == 92
    assert np.isnan(found.query(B, metric="val_loss"))
    assert not found.higher_is_better("val_loss")
    assert found.missing() is None
    values = found.values([B, "22222222"], Target("mine", "test_accuracy"))
    assert values[B] == 92
    assert np.isnan(values["22222222"])
    digest = hashlib.sha256((tmp_path / "mine.csv").read_bytes()).hexdigest()
    assert found.provenance.sha256 == digest


def test_parquet_and_semicolons_say_the_same(tmp_path):
    one = benchmark(tmp_path / "a.csv", f"accuracy;arch\n91;{A}\n92.5;{B}\n")
    frame = pd.DataFrame({"architecture": [A, B], "accuracy": [91, 92.5]})
    frame.to_parquet(tmp_path / "a.parquet")
    other = find_benchmark("nasbenchmacro", str(tmp_path / "a.parquet"))
    assert one.table().equals(other.table())
    assert list(one.table()["value"]) == [91, 92.5]


def test_equal_rows_count_once_and_different_ones_are_refused(tmp_path):
    assert len(benchmark(tmp_path / "a.csv", f"arch,acc\n{A},1\n{A},1\n").table()) == 1
    with pytest.raises(MalformedInput, match=f"two different rows of '{A}'"):
        benchmark(tmp_path / "b.csv", f"arch,acc\n{A},1\n{A},2\n").table()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no heading of a column of architectures"),
        (f"{A},1\n", "no heading of a column of architectures"),
        ("architecture,acc\n", "it has no rows"),
        (f"architecture,note\n{A},good\n", "no column of numbers"),
        (f"architecture,acc\n{A},1\n{B},high\n", r"a\.csv:3: cannot read 'high'"),
        (f"architecture,acc\n{A},1\n{B},inf\n", r"a\.csv:3: cannot read 'inf'"),
        (f"architecture,acc\n{A}9,1\n", r"a\.csv:2: "),
        (f"architecture,acc\n{A}\n", r"a\.csv:2: the line has 1 cells"),
    ],
)
def test_mistakes_are_named(tmp_path, content, message):
    with pytest.raises(MalformedInput, match=message):
        benchmark(tmp_path / "a.csv", content).targets()


def test_what_is_no_file_is_a_name(tmp_path):
    with pytest.raises(UnknownName):
        find_benchmark("nasbenchmacro", "mine")
    with pytest.raises(MissingData, match="does not exist"):
        find_benchmark("nasbenchmacro", str(tmp_path / "none.csv")).targets()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(MalformedInput, match="it is no Parquet table"):
        find_benchmark("nasbenchmacro", str(tmp_path / "bad.parquet")).targets()


def test_a_study_names_its_accuracies_relative_to_itself(tmp_path, monkeypatch):
    from untrained.harness.study.study_file import load_study

    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    text = (
        'spaces = ["nasbenchmacro"]\nindicators = ["params"]\n'
        '[population]\nn = 3\n[truth]\nbenchmark = "own.csv"\n'
    )
    Path("sub/study.toml").write_text(text, encoding="utf-8")
    study = load_study("sub/study.toml").study
    assert study.truth.benchmark == str(Path("sub") / "own.csv")
    named = text.replace("own.csv", "nasbenchmacro")
    Path("sub/study.toml").write_text(named, encoding="utf-8")
    assert load_study("sub/study.toml").study.truth.benchmark == "nasbenchmacro"


def test_the_command_line_ranks_against_it(tmp_path, monkeypatch, capsys):
    from typer.testing import CliRunner

    from untrained.harness.cli.main import app

    monkeypatch.chdir(tmp_path)
    texts = [str(arch) for arch in list(spaces["nasbenchmacro"])[:3000:300]]
    sizes = [
        spaces["nasbenchmacro"].num_parameters(t, num_classes=10, channels=4, cells=1)
        for t in texts
    ]
    rows = "".join(f"{text},{size}\n" for text, size in zip(texts, sizes, strict=True))
    Path("own.csv").write_text("architecture,accuracy\n" + rows, encoding="utf-8")
    scored = CliRunner().invoke(
        app,
        ["score", "--space", "nasbenchmacro", "--architectures", "own.csv", "--indicators",
         "params", "--channels", "4", "--store", "s.sqlite", "--workers", "1"],
    )  # fmt: skip
    assert scored.exit_code == 0, scored.output
    done = CliRunner().invoke(app, ["correlate", "--store", "s.sqlite", "--truth", "own.csv"])
    assert done.exit_code == 0, done.output
    assert "1.000 [1.000, 1.000]" in done.stdout
    assert "which data set the values of own are of is not known" in done.stdout
