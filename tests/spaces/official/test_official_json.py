"""NDS, NAS-Bench-Macro and NAS-Bench-NLP: small files as published, and broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from untrained.foundation import MalformedInput
from untrained.spaces import Target, benchmarks, spaces
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import convert
from untrained.spaces.converters.conversion import verify
from untrained.spaces.nds.record import format_record

RNN = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}


def residual(depth: int) -> dict[str, Any]:
    net = {
        "block_type": "res_basic_block",
        "bot_muls": [],
        "ds": [1, depth, 2, 1],
        "num_gs": [],
        "ss": [1, 1, 2, 2],
        "ws": [16, 16, 32, 64],
    }
    text = format_record("ResNet", net)
    assert spaces["nds_resnet"].parse(text).text == text
    return net


def nds_run(depth: int, last: float, epochs: int = 3, **changes: Any) -> dict[str, Any]:
    run = {
        "net": residual(depth),
        "optim": {"base_lr": 0.1, "wd": 0.0005, "max_ep": epochs},
        "test_ep_top1": [*[50.0] * (epochs - 1), last],
        "min_test_top1": 1.0,
        "params": 250_000 * depth,
        "flops": 2_000_000,
        "rng_seed": 1,
    }
    return run | changes


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def zipped(folder: Path, path: Path) -> Path:
    with ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.json")):
            archive.write(file, f"data/{file.name}")
            archive.writestr(f"__MACOSX/data/._{file.name}", b"\x00\x05\x16\x07")
    return path


@pytest.mark.parametrize("shape", ["folder", "zip", "file"])
def test_nds_in_its_official_structure(tmp_path: Path, shape: str) -> None:
    folder = tmp_path / "official"
    single = write(
        folder / "nds_data" / "ResNet.json",
        [nds_run(1, 8.5), nds_run(2, 7.0), nds_run(1, 9.5), nds_run(2, float("nan"))],
    )
    both = {"top": [nds_run(1, 30.0)], "mid": [nds_run(3, 40.0, epochs=2)]}
    write(folder / "nds_data" / "ResNet_in.json", both)
    write(folder / "nds_data" / "ResNet_rng1.json", ["another set"])
    (folder / "nds_data" / "DARTS.json").write_text("not looked at")
    source = {"folder": folder, "file": single, "zip": zipped(folder, tmp_path / "data.zip")}[shape]
    done = convert("nds_resnet", source, folder=tmp_path)
    table = read_table(done.path)
    one, two = (format_record("ResNet", residual(depth)) for depth in (1, 2))
    accuracy = Target("cifar10", "test_accuracy", 3)
    assert dict(table.series(accuracy)) == {one: 91.0, two: 93.0}
    assert dict(table.series(Target("cifar10", "test_accuracy", 3, 0))) == {one: 91.5, two: 93.0}
    assert dict(table.series(Target("cifar10", "test_accuracy", 3, 1))) == {one: 90.5}
    assert table.series(Target("cifar10", "params_millions"))[two] == 0.5
    assert table.series(Target("cifar10", "flops_millions"))[one] == 2.0
    if shape == "file":
        assert {target.dataset for target in table.targets} == {"cifar10"}
        return
    third = format_record("ResNet_in", residual(3))
    assert table.series(Target("imagenet", "test_accuracy", 2))[third] == 60.0
    first = format_record("ResNet_in", residual(1))
    assert dict(table.series(Target("imagenet", "test_accuracy", 3))) == {first: 70.0}


def test_nds_reruns_are_further_runs_of_their_architectures(tmp_path: Path) -> None:
    reruns = {"top": [nds_run(1, 5.0), nds_run(1, 5.5)], "mid": [nds_run(2, 6.0), nds_run(2, 7.0)]}
    write(tmp_path / "alone" / "ResNet_reruns.json", reruns)
    done = convert("nds_resnet", tmp_path / "alone", folder=tmp_path / "a")
    one, two = (format_record("ResNet", residual(depth)) for depth in (1, 2))
    accuracy = Target("cifar10", "test_accuracy", 3)
    assert done.num_architectures == 2
    assert dict(read_table(done.path).series(accuracy)) == {one: 94.75, two: 93.5}
    write(tmp_path / "both" / "ResNet_reruns.json", reruns)
    write(tmp_path / "both" / "ResNet.json", [nds_run(1, 9.0)])
    table = read_table(convert("nds_resnet", tmp_path / "both", folder=tmp_path / "b").path)
    seeds = [table.series(Target("cifar10", "test_accuracy", 3, n))[one] for n in range(3)]
    assert seeds == [91.0, 95.0, 94.5]
    assert table.series(Target("cifar10", "params_millions"))[two] == 0.5


def test_a_converted_set_is_the_spaces_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    assert "nds_resnet.parquet" in str(benchmarks["nds_resnet"].missing())
    convert("nds_resnet", write(tmp_path / "ResNet.json", [nds_run(1, 8.5)]))
    assert benchmarks["nds_resnet"].missing() is None
    assert benchmarks["nds_resnet"].query(format_record("ResNet", residual(1))) == 91.5
    assert all(check.holds for check in verify("nds_resnet"))


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([nds_run(1, 8.5), without(nds_run(2, 7.0), "net")], "training run 1: it has no 'net'"),
        ([nds_run(1, 8.5, test_ep_top1=[3.0])], "run 0: it has the errors of 1 epochs, not of 3"),
        ([nds_run(1, 8.5, test_ep_top1=None)], "ResNet.json, training run 0"),
        ([nds_run(1, 8.5, params="many")], "training run 0: could not convert"),
        ([nds_run(1, 8.5, net={"ds": []})], "training run 0: .* is not an NDS architecture"),
        ([nds_run(1, 8.5, optim={"max_ep": 10**6}, test_ep_top1=[1.0])], "errors of 1 epochs"),
        ({"top": []}, "KeyError: 'mid'"),
        ([], "it holds no value"),
        (3, "not iterable"),
    ],
)
def test_a_broken_nds_file_says_where(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(MalformedInput, match=told):
        convert("nds_resnet", write(tmp_path / "ResNet.json", content), folder=tmp_path)
    assert not (tmp_path / "tables").exists()


def test_what_is_no_file_of_the_set_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "ENAS.json", [])
    with pytest.raises(MalformedInput, match=r"ENAS\.json is not one of ResNet\.json, ResNet_in"):
        convert("nds_resnet", other, folder=tmp_path)
    with pytest.raises(MalformedInput, match=r"there is no ResNet\.json and no ResNet_in\.json"):
        convert("nds_resnet", zipped(tmp_path, tmp_path / "data.zip"), folder=tmp_path)
    (tmp_path / "ResNet.json").write_text("{" * 100_000)
    with pytest.raises(MalformedInput, match=r"ResNet\.json is no JSON"):
        convert("nds_resnet", tmp_path / "ResNet.json", folder=tmp_path)


def macro(accuracies: list[float]) -> dict[str, Any]:
    mean, std = float(np.mean(accuracies)), float(np.std(accuracies))
    return {
        "test_acc": accuracies,
        "mean_acc": mean,
        "std": std,
        "params": 1_500_000,
        "flops": 60_000_000,
    }


def test_nasbenchmacro_in_its_official_structure(tmp_path: Path) -> None:
    content = {"00000000": macro([88.0, 89.0, 90.0]), "12012012": macro([92.5, 92.0, 92.5])}
    source = write(tmp_path / "nas-bench-macro_cifar10.json", content)
    table = read_table(convert("nasbenchmacro", source, folder=tmp_path).path)
    mean = table.series(Target("cifar10", "test_accuracy", 50))
    assert dict(mean) == pytest.approx({"00000000": 89.0, "12012012": 92.333333}, rel=1e-6)
    assert table.series(Target("cifar10", "test_accuracy", 50, 1))["12012012"] == 92.0
    assert table.series(Target("cifar10", "params_millions"))["00000000"] == 1.5
    assert table.series(Target("cifar10", "flops_millions"))["00000000"] == 60.0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"00000003": macro([88.0])}, r"_cifar10.json was .*03' is not a NAS-Bench-Macro"),
        ({"00000000": {"mean_acc": 3}}, "architecture '00000000': it has no 'test_acc'"),
        ({"00000000": macro([1.0]) | {"flops": None}}, "architecture '00000000': float"),
        ({"00000000": 3}, "architecture '00000000'"),
        ([], "expected is nas-bench-macro_cifar10.json"),
    ],
)
def test_a_broken_nasbenchmacro_file_says_where(tmp_path: Path, content: Any, told: str) -> None:
    source = write(tmp_path / "nas-bench-macro_cifar10.json", content)
    with pytest.raises(MalformedInput, match=told):
        convert("nasbenchmacro", source, folder=tmp_path)


def log(name: str, last: float, **changes: Any) -> dict[str, Any]:
    found = {
        "data": f"data/{name}",
        "recepie_id": 3,
        "recepie": json.dumps(RNN),
        "epochs": 2,
        "num_params": 10_000_000,
        "wall_times": [4.0, 6.0],
        "train_losses": [7.0, last - 1],
        "val_losses": [6.0, last],
        "test_losses": [5.5, last - 0.5],
        "status": "OK",
    }
    return found | changes


@pytest.mark.parametrize("shape", ["folder", "zip"])
def test_nasbenchnlp_in_its_official_structure(tmp_path: Path, shape: str) -> None:
    folder = tmp_path / "train_logs"
    write(folder / "log_stats_model_0_a.json", log("wikitext-2", 5.0))
    write(folder / "log_stats_model_0_b.json", log("ptb", 4.5))
    write(folder / "log_stats_model_0_c.json", log("ptb", 4.0))
    failed = log("ptb", float("nan"), status="loss is nan!", val_losses=[float("nan")])
    write(folder / "log_stats_model_1_d.json", failed)
    source = folder if shape == "folder" else zipped(folder, tmp_path / "logs.zip")
    done = convert("nasbenchnlp", source, folder=tmp_path)
    table = read_table(done.path)
    text = json.dumps(RNN, separators=(",", ":"))
    assert done.num_architectures == 1
    assert dict(table.series(Target("wikitext2", "test_loss", 2))) == {text: 4.5}
    assert table.series(Target("ptb", "val_loss", 2))[text] == 4.25
    assert table.series(Target("ptb", "val_loss", 2, 1))[text] == 4.0
    assert table.series(Target("ptb", "train_loss", 2, 0))[text] == 3.5
    assert table.series(Target("ptb", "train_time_s", 2, 0))[text] == 10.0
    assert table.series(Target("ptb", "params_millions"))[text] == 10.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found.pop("status"), "log.json: it has no 'status'"),
        (lambda found: found.update(recepie=RNN), "log.json: its recepie is no text"),
        (lambda found: found.update(recepie="{}"), "log.json: '{}' is not a NAS-Bench-NLP cell"),
        (lambda found: found.update(epochs=50), "log.json: val_losses has 2 epochs instead of 50"),
        (lambda found: found.update(data="/"), "log.json: its data is '/', no name of a dataset"),
        (lambda found: found.update(test_losses=[1, {}]), "log.json: float"),
        (lambda found: found.update(status="KeyboardInterrupt"), "it holds no value"),
    ],
)
def test_a_broken_nasbenchnlp_log_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], told: str
) -> None:
    found = log("ptb", 4.0)
    change(found)
    write(tmp_path / "logs" / "log.json", found)
    with pytest.raises(MalformedInput, match=told):
        convert("nasbenchnlp", tmp_path / "logs", folder=tmp_path)
