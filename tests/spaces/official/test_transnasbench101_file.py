"""TransNAS-Bench-101's file in its official structure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from untrained.foundation import MalformedInput
from untrained.spaces import Target, benchmarks
from untrained.spaces.benchmarks.tables import ParquetBenchmark
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import conversion, convert
from untrained.spaces.converters.conversion import Check, TableWriter, Value, verify, write_table
from untrained.spaces.framework.registry import data_folder

METRICS = {
    **dict.fromkeys(("class_scene", "class_object", "jigsaw"), ("top1",)),
    "room_layout": ("neg_loss",),
    "segmentsemantic": ("mIoU", "acc"),
    **dict.fromkeys(("normal", "autoencoder"), ("ssim",)),
}
SIZES = {
    "encoder_params": 4321,
    "model_params": 5321,
    "encoder_FLOPs": 1e8,
    "model_FLOPs": 1.1e8,
    "inference_time": 0.01,
}
TEXT = "64-41414-0_00_000"


def test_transnasbench101_tells_splits_and_epochs_apart(tmp_path: Path) -> None:
    source = tmp_path / "transnas-bench_v10141024.pth"
    tasks = {
        task: {
            "total_epochs": 2,
            "model_info": SIZES,
            "metrics": {f"valid_{metric}": [0.3, 0.2] for metric in metrics}
            | {f"test_{metric}": [0.4, 0.1] for metric in metrics},
        }
        for task, metrics in METRICS.items()
    }
    torch.save({"data": {"micro": {TEXT: tasks}, "macro": {}}}, source)
    table = read_table(convert("transnasbench101_micro", source, folder=tmp_path).path)

    def value(task: str, metric: str, epochs: int) -> float:
        return float(table.series(Target(task, metric, epochs))[TEXT])

    for task, test, valid in (
        ("jigsaw", "test_accuracy", "valid_accuracy"),
        ("room_layout", "negative_test_loss", "negative_valid_loss"),
        ("segmentsemantic", "test_miou", "valid_miou"),
        ("segmentsemantic", "test_pixel_accuracy", "valid_pixel_accuracy"),
        ("normal", "test_ssim", "valid_ssim"),
    ):
        assert value(task, test, 2) == np.float32(0.1)
        assert value(task, valid, 2) == np.float32(0.2)
        assert value(task, f"best_{valid}", 0) == np.float32(0.3)
    assert value("jigsaw", "encoder_params_millions", 0) == np.float32(4321e-6)
    assert value("jigsaw", "params_millions", 0) == np.float32(5321e-6)
    assert value("jigsaw", "encoder_flops_millions", 0) == 100
    assert value("jigsaw", "flops_millions", 0) == 110
    assert value("jigsaw", "inference_time_s", 0) == np.float32(0.01)
    assert len(table.targets) == 8 * 3 + 7 * 5
    with pytest.raises(MalformedInput, match="it holds no value"):
        convert("transnasbench101_macro", source, folder=tmp_path)


@pytest.mark.parametrize("name", ["transnasbench101_micro", "transnasbench101_macro"])
def test_the_table_has_the_known_values(name: str) -> None:
    if benchmarks[name].missing() is not None:
        pytest.skip(f"no {name} table: set UNTRAINED_DATA to a folder that has it")
    checks = verify(name)
    assert all(check.holds for check in checks), checks
    known = {check.what: check.found for check in checks}
    assert "best class_object valid_accuracy after 25 epochs" in known


def test_a_table_that_calls_validation_test_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    writer = TableWriter()
    writer.add(Value(TEXT, "class_object", "test_accuracy", 0, -1, 46.32))
    write_table(writer.table("{}"), tmp_path / "tables" / "transnasbench101_micro.parquet")
    wrong = [check for check in verify("transnasbench101_micro") if not check.holds]
    assert ("best class_object best_valid_accuracy after 0 epochs", "no such values") in {
        (check.what, check.found) for check in wrong
    }


def write_known(name: str, label_of: Callable[[str], str]) -> list[Check]:
    """Verify a table of the known values, some of them under other labels."""
    writer = TableWriter()
    for text, values in conversion._known()[name]["values"].items():
        for label, value in values.items():
            dataset, metric, epochs = label_of(label).split()
            writer.add(Value(text, dataset, metric, int(epochs), -1, value))
    write_table(writer.table("{}"), data_folder() / "tables" / f"{name}.parquet")
    return [check for check in verify(name) if check.what == "known values"]


def test_a_known_value_under_another_label_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    known = conversion._known()
    tables = [name for name in known if isinstance(benchmarks[name], ParquetBenchmark)]
    names = [name for name in tables if not name.startswith("hwgpt")]  # three in one file
    assert len(names) >= 40
    for name in names:
        assert benchmarks[name].space
        (check,) = write_known(name, lambda label: label)
        assert check.holds, (name, check)
    shifted = {"test_accuracy": "valid_accuracy", "valid_accuracy": "test_accuracy"}
    (check,) = write_known(
        "natsbench_sss", lambda label: " ".join(shifted.get(w, w) for w in label.split())
    )
    assert not check.holds
    assert check.found.startswith("imagenet16-120 ")
    assert "has the values that are known of imagenet16-120 test_accuracy" in check.found
    (check,) = write_known(
        "transnasbench101_macro",
        lambda label: label.replace(
            "class_object best_valid_accuracy", "class_object test_accuracy"
        ),
    )
    assert check.found == (
        "class_object test_accuracy 0 has the values that are known of "
        "class_object best_valid_accuracy 0"
    )
