"""A report over several targets: a table each, and which indicator serves which."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from untrained.spaces import spaces


def test_a_report_over_several_targets(untrained, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [spaces["nasbench201"].sample(rng).text for _ in range(30)]
    texts = list(dict.fromkeys(texts))
    one, other = rng.normal(size=(2, len(texts)))
    for name, heading, columns in (
        ("scores", "architecture,of_one,of_other", (one, other)),
        ("truth", "architecture,one_accuracy,other_accuracy", (50 + one, 50 + other)),
    ):
        lines = [",".join([t, *map(str, row)]) for t, *row in zip(texts, *columns, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join([heading, *lines]), encoding="utf-8")
    code, _, error = untrained(
        *("report", "--scores", str(tmp_path / "scores.csv"), "--space", "nasbench201"),
        *("--truth", str(tmp_path / "truth.csv"), "--metric", "one_accuracy,other_accuracy"),
        *("--formats", "markdown", "--output", str(tmp_path), "--resamples", "20"),
    )
    assert code == 0, error
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    tables = [part for part in text.split("\n## ") if "Ground truth:" in part]
    assert ["one accuracy" in part.splitlines()[0] for part in tables] == [True, False]
    firsts = [
        next(line for line in part.splitlines() if line.startswith("| of_")) for part in tables
    ]
    assert [line.split("|")[1].strip() for line in firsts] == ["of_one", "of_other"]
    assert "Indicators over tasks" in text


def test_a_target_named_twice_is_one_task_and_tests_have_the_level_asked_for(
    untrained, tmp_path: Path
) -> None:
    texts = [str(arch) for arch in islice(spaces["nasbench201"], 3000, 3020)]
    one, other = np.random.default_rng(0).normal(size=(2, len(texts)))
    columns = {"architecture": texts, "one_accuracy": one, "other_accuracy": other}
    pd.DataFrame(columns).to_csv(tmp_path / "truth.csv", index=False)
    scores = {"architecture": texts, "of_one": one, "of_other": other}
    pd.DataFrame(scores).to_csv(tmp_path / "scores.csv", index=False)
    words = ("--scores", tmp_path / "scores.csv", "--space", "nasbench201", "--resamples", "20")
    words += ("--truth", tmp_path / "truth.csv", "--confidence", "0.9", "--output", tmp_path)
    for metrics, count in (("one_accuracy,one_accuracy", 1), ("one_accuracy,other_accuracy", 2)):
        code, _, error = untrained("report", *words, "--metric", metrics, "--formats", "markdown")
        assert code == 0, error
        text = (tmp_path / "report.md").read_text(encoding="utf-8")
        assert text.count("Ground truth:") == count
        assert ("Friedman" in text) == (count == 2)
    # Nemenyi: 1.645 sqrt(k (k + 1) / 6 N) for k = 2 indicators and N = 2 tasks, by Demsar's table
    assert f"critical difference, {1.645 * 0.5**0.5:.2f} at 90 %" in text


def test_a_report_over_several_datasets(untrained, tmp_path: Path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    texts = list(dict.fromkeys(spaces["nasbench201"].sample(rng).text for _ in range(30)))
    one, other = rng.normal(size=(2, len(texts)))
    scores = pd.DataFrame({"architecture": texts, "of_one": one, "of_other": other})
    scores.to_csv(tmp_path / "scores.csv", index=False)
    truth = [
        pd.DataFrame({"architecture": texts, "dataset": name, "value": 50 + values})
        for name, values in (("cifar10", one), ("cifar100", other))
    ]
    columns = {"metric": "test_accuracy", "epochs": 200, "seed": -1}
    (tmp_path / "tables").mkdir()
    pd.concat(truth).assign(**columns).to_parquet(tmp_path / "tables" / "nasbench201.parquet")
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    code, _, error = untrained(
        *("report", "--scores", str(tmp_path / "scores.csv"), "--space", "nasbench201"),
        *("--truth", "nasbench201", "--dataset", "cifar10,cifar100"),
        *("--formats", "csv", "--output", str(tmp_path), "--resamples", "20"),
    )
    assert code == 0, error
    rows = pd.read_csv(tmp_path / "report.csv").query("tau == 1")
    assert rows["indicator"].tolist() == ["of_one", "of_other"]
    assert [target.split()[0] for target in rows["target"]] == ["cifar10", "cifar100"]


def test_a_file_of_scores_for_each_dataset_is_ranked_by_its_own(
    untrained, tmp_path: Path, monkeypatch
) -> None:
    rng = np.random.default_rng(0)
    keys = [f"({a}, {b}, 3, 1, 2, 3)" for a in range(5) for b in range(4)]
    texts = [spaces["nasbench201"].parse(key).text for key in keys]
    values = dict(zip(("cifar10", "cifar100"), rng.normal(size=(2, len(keys))), strict=True))
    entries = {
        name: {key: {"mine": {"score": score}} for key, score in zip(keys, own, strict=True)}
        for name, own in values.items()
    }
    (tmp_path / "zc.json").write_text(json.dumps(entries), encoding="utf-8")
    columns = {"metric": "test_accuracy", "epochs": 200, "seed": -1}
    truth = [
        pd.DataFrame({"architecture": texts, "dataset": name, "value": 50 + own})
        for name, own in values.items()
    ]
    (tmp_path / "tables").mkdir()
    pd.concat(truth).assign(**columns).to_parquet(tmp_path / "tables" / "nasbench201.parquet")
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    code, _, error = untrained(
        *("report", "--scores", str(tmp_path / "zc.json"), "--space", "nasbench201"),
        *("--truth", "nasbench201", "--dataset", "cifar10,cifar100"),
        *("--formats", "csv", "--output", str(tmp_path), "--resamples", "20"),
    )
    assert code == 0, error
    rows = pd.read_csv(tmp_path / "report.csv").query("indicator == 'mine'")
    assert rows["tau"].tolist() == [1, 1]


@pytest.mark.parametrize("spelling", ["CIFAR100", "cifar-100", "Cifar10"])
def test_a_dataset_is_known_in_any_capitals(untrained, tmp_path: Path, monkeypatch, spelling):
    texts = list(dict.fromkeys(str(arch) for arch in islice(spaces["nasbench201"], 3000, 3020)))
    name = spelling.lower().replace("-", "")
    values = np.random.default_rng(0).normal(size=len(texts))
    scores = pd.DataFrame({"architecture": texts, "mine": values})
    # a part in the usual spelling is a part of the same dataset
    scores.assign(dataset=[name, *[spelling] * 19]).to_csv(tmp_path / "s.csv", index=False)
    columns = {"metric": "test_accuracy", "epochs": 200, "seed": -1}
    truth = [
        pd.DataFrame({"architecture": texts, "dataset": one, "value": 50 + sign * values})
        for one, sign in ((name, 1), ("cifar10" if name == "cifar100" else "cifar100", -1))
    ]
    (tmp_path / "tables").mkdir()
    pd.concat(truth).assign(**columns).to_parquet(tmp_path / "tables" / "nasbench201.parquet")
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    words = ("--space", "nasbench201", "--truth", "nasbench201", "--resamples", "20", "--json")
    code, out, error = untrained("correlate", "--scores", tmp_path / "s.csv", *words)
    assert code == 0, error
    (table,) = json.loads(out)["tables"]
    assert table["target"].split()[0] == name
    assert table["rows"][0]["correlation"]["tau"] == 1
    assert not any("measured for" in note for note in table["notes"])
