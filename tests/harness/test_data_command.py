"""`untrained data`: what a user types and sees."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.foundation import MalformedInput, MissingData
from untrained.harness.data.datasets import datasets
from untrained.harness.data.image_conversion import convert_images
from untrained.harness.data.inputs import read_images


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("UNTRAINED_DATA", str(folder))
    return folder


def cifar10(path: Path, *, images: int = 4) -> np.ndarray:
    """An archive in the official structure, keyed by bytes as Python 2 left it."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, images, 3072), dtype=np.uint8)
    folder = path.parent / "cifar-10-batches-py"
    folder.mkdir()
    for number, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        labels = [(number + i) % 10 for i in range(images)]
        content = {b"data": pixels[number], b"labels": labels, b"batch_label": b"x"}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return pixels


def test_images_come_back_as_they_were(untrained, data: Path, tmp_path: Path) -> None:
    source = tmp_path / "cifar-10-python.tar.gz"
    pixels = cifar10(source)
    code, out, err = untrained("data", "convert", "cifar10-images", str(source))
    assert code == 0, err
    assert "cifar10-train.parquet" in out
    table = pq.read_table(data / "images" / "cifar10-train.parquet")
    assert table.num_rows == 20
    assert pq.read_table(data / "images" / "cifar10-test.parquet").num_rows == 4
    images, labels = read_images(datasets["cifar10"], range(20))
    cifar = datasets["cifar10"]
    expected = pixels[:5].reshape(20, 3, 32, 32).astype(np.float32)
    shape = (1, 3, 1, 1)
    expected = (expected - np.reshape(cifar.mean, shape)) / np.reshape(cifar.std, shape)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    assert list(labels[:5]) == [0, 1, 2, 3, 1]


def test_imagenet16_keeps_its_first_120_classes_counted_from_0(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "imagenet16"
    source.mkdir()
    names = [*(f"train_data_batch_{i}" for i in range(1, 11)), "val_data"]
    for name in names:
        content = {"data": np.zeros((3, 768), np.uint8), "labels": [1, 120, 121], "mean": 0}
        (source / name).write_bytes(pickle.dumps(content))
    convert_images("imagenet16-120-images", source)
    _, labels = read_images(datasets["imagenet16-120"], range(20))
    assert list(labels) == [0, 119] * 10


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.mark),))


def test_a_batch_that_would_run_something_is_refused(data: Path, tmp_path: Path) -> None:
    source, mark = tmp_path / "batches", tmp_path / "run"
    source.mkdir()
    (source / "data_batch_1").write_bytes(pickle.dumps({"data": Malicious(mark)}))
    with pytest.raises(MalformedInput, match="mkdir, which is not run"):
        convert_images("cifar10-images", source)
    assert not mark.exists()
    assert not list(data.rglob("*.parquet*"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"data": [[300] * 3072], "labels": [0]}, "int64 instead of uint8"),
        ({"data": np.full((1, 3072), 0.5), "labels": [0]}, "float64 instead of uint8"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [0.5]}, "float64 (1,) instead of"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [[0], [1]]}, "int64 (2, 1) instead of"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, "2 pictures have 1 labels"),
        ({"data": np.zeros((1, 5), np.uint8), "labels": [0]}, "ValueError"),
        ({"labels": [0]}, "KeyError: 'data'"),
        ([1, 2], "AttributeError"),
    ],
)
def test_a_batch_of_something_else_is_refused(
    data: Path, tmp_path: Path, content: object, told: str
) -> None:
    source = tmp_path / "batches"
    source.mkdir()
    (source / "data_batch_1").write_bytes(pickle.dumps(content))
    with pytest.raises(MalformedInput) as caught:
        convert_images("cifar10-images", source)
    assert "data_batch_1" in str(caught.value)
    assert told in str(caught.value)
    assert "expected is cifar-10-python.tar.gz" in str(caught.value)
    assert not list(data.rglob("*.parquet*"))


def test_a_folder_called_like_a_batch_is_none(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "cifar100"
    (source / "aside" / "train").mkdir(parents=True)
    (source / "batches").mkdir()
    content = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 99]}
    for name in ("train", "test"):
        (source / "batches" / name).write_bytes(pickle.dumps(content))
    convert_images("cifar100-images", source)
    _, labels = read_images(datasets["cifar100"], range(2))
    assert list(labels) == [0, 99]


def test_a_missing_batch_and_a_broken_archive_are_named(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "cifar-10-python.tar.gz"
    cifar10(source)
    (tmp_path / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(MissingData, match="has no batch test_batch"):
        convert_images("cifar10-images", tmp_path / "cifar-10-batches-py")
    source.write_bytes(source.read_bytes()[:300])
    with pytest.raises(MalformedInput, match="cannot be read as an archive"):
        convert_images("cifar10-images", source)
    assert not list(data.rglob("*.parquet*"))


def test_the_list_tells_how_to_get_what_is_missing(untrained, data: Path) -> None:
    code, out, _ = untrained("data", "list", "--json")
    listed = json.loads(out)
    rows = {row["name"]: row for row in listed["data"]}
    assert (code, listed["folder"]) == (0, str(data))
    assert rows["nasbench201-analog"]["there"] == "yes"
    assert rows["nasbench101"]["how to get it"] == "untrained data fetch nasbench101"
    assert rows["nasbench201"]["how to get it"].startswith(
        "untrained data convert nasbench201 PATH"
    )
    assert rows["cifar10-images"]["how to get it"] == "untrained data fetch cifar10-images"
    code, out, _ = untrained("data", "list")
    assert "how to get it" in out


def table(path: Path, value: float) -> None:
    text = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    frame = pd.DataFrame(
        {
            "architecture": [text],
            "dataset": "cifar10",
            "metric": "test_accuracy",
            "epochs": np.array([200], np.int16),
            "seed": np.array([-1], np.int8),
            "value": np.array([value], np.float32),
        }
    )
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def test_verify_tells_what_is_wrong_and_exits_with_1(untrained, data: Path) -> None:
    table(data / "tables" / "nasbench201.parquet", 94.37)
    code, out, _ = untrained("data", "verify", "nasbench201", "--json")
    checks = {row["what"]: row for row in json.loads(out)}
    assert code == 1
    assert checks["architectures"]["holds"]
    assert not checks["number"]["holds"]
    assert (checks["number"]["expected"], checks["number"]["found"]) == ("15,625", "1")
    assert checks["best cifar10 test_accuracy after 200 epochs"]["holds"]
    assert checks["best cifar100 test_accuracy after 200 epochs"]["found"] == "no such values"


def test_verify_without_names_takes_what_is_there(untrained, data: Path) -> None:
    code, out, _ = untrained("data", "verify")
    assert code == 0
    assert "nasbench201-analog" in out
    code, _, err = untrained("data", "verify", "nasbench101")
    assert code == 2
    assert "nasbench101.parquet" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "nasbench2O1", "x"], "did you mean nasbench201"),
        (["convert", "nasbench201", "gone.pth"], "gone.pth does not exist"),
        (["convert", "cifar10-images", "gone.tar.gz"], "gone.tar.gz does not exist"),
        (["fetch", "nasbench2O1"], "did you mean nasbench201"),
        (["fetch", "nasbench201"], "cannot be downloaded by a program; get it from https://"),
    ],
)
def test_mistakes_are_one_line_and_exit_status_2(
    untrained, data: Path, arguments: list[str], message: str
) -> None:
    code, _, err = untrained("data", *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_fetched_file_is_kept_verified_and_converted(
    untrained, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there already, so that nothing is downloaded."""
    from untrained.spaces.converters import download as source

    archive = data / "official" / "cifar-10-python.tar.gz"
    archive.parent.mkdir(parents=True)
    cifar10(archive)
    known = source.Source(
        file=archive.name,
        page="https://example.org",
        licence="none",
        citation="K",
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
    )
    monkeypatch.setattr(source, "sources", lambda: {"cifar10-images": known})
    code, out, err = untrained("data", "fetch", "cifar10-images")
    assert code == 0, err
    assert "cifar10-train.parquet" in out
