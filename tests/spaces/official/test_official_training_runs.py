"""NAS-Bench-201 and NATS-Bench: small files of the official structure, and hostile ones."""

from __future__ import annotations

import bz2
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from untrained.foundation import MalformedInput
from untrained.spaces import Target
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import convert

FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"
SECOND = "|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"


def compress(path: Path, content: object) -> None:
    with bz2.open(path, "wb") as file:
        pickle.dump(content, file, protocol=4)


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.mark),))


def test_nasbench201_in_its_official_structure(tmp_path: Path, official_201) -> None:
    source = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    official_201(source)
    seen: list[int] = []
    done = convert("nasbench201", source, folder=tmp_path, progress=seen.append)
    assert (done.num_architectures, seen) == (2, [1, 2])
    table = read_table(done.path)
    assert table.about["title"] == "NAS-Bench-201"
    assert table.about["source"] == source.name
    valid = table.series(Target("cifar10", "valid_accuracy", 200))
    # runs 777 and 999 are numbers 0 and 1 in the order of their seeds
    assert dict(valid) == {FIRST: 70.5, SECOND: 60.0}
    assert table.series(Target("cifar10", "valid_accuracy", 200, 0))[FIRST] == 71.0
    assert table.series(Target("cifar10", "valid_accuracy", 200, 1))[FIRST] == 70.0
    # of cifar10, the test accuracy is that of the networks trained on all images
    assert table.series(Target("cifar10", "test_accuracy", 200, 0))[SECOND] == 60.0
    assert table.series(Target("imagenet16-120", "test_accuracy", 12))[SECOND] == 21.0
    assert table.series(Target("cifar10", "train_time_s", 12))[FIRST] == 24.0
    assert table.series(Target("cifar10", "valid_time_s", 12))[FIRST] == 6.0
    assert table.series(Target("cifar100", "params_millions"))[FIRST] == 0.5
    assert Target("cifar10", "test_accuracy", 12, 1) not in table.targets


def test_nats_bench_as_a_folder_as_one_file_and_as_an_archive(tmp_path: Path, runs) -> None:
    folder = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    infos = {
        0: {"12": runs(12, 20.0, (111, 777)), "200": runs(200, 60.0, (777,))},
        1: {"12": runs(12, 10.0, (777,)), "200": runs(200, 50.0, (777,))},
    }
    compress(folder / "meta.pickle.pbz2", {"meta_archs": [FIRST, SECOND]})
    for index, info in infos.items():
        compress(folder / f"{index:06d}.pickle.pbz2", info)
    whole = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    compress(whole, {"meta_archs": [FIRST, SECOND], "arch2infos": infos, "evaluated_indexes": [0]})
    archive = tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar"
    with tarfile.open(archive, "w") as file:
        file.add(folder, folder.name)
    tables = [
        read_table(convert("natsbench_tss", source, folder=tmp_path / source.suffix).path)
        for source in (folder, whole, archive)
    ]
    for table in tables:
        assert table.series(Target("cifar100", "test_accuracy", 12))[FIRST] == 31.5
        assert table.series(Target("cifar100", "test_accuracy", 200, 0))[SECOND] == 61.0
    assert tables[0].targets == tables[1].targets == tables[2].targets


def test_a_torch_file_that_would_run_something_is_refused(tmp_path: Path) -> None:
    source, mark = tmp_path / "file.pth", tmp_path / "run"
    torch.save({"meta_archs": [Malicious(mark)]}, source)
    with pytest.raises(MalformedInput, match=r"file\.pth"):
        convert("nasbench201", source, folder=tmp_path)
    assert not mark.exists()
    assert not list(tmp_path.rglob("*.parquet*"))


class Reduced:
    """Pickled as a call, which a restricted loader has to allow or refuse."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        np.array([1.0]),
        np.dtype("O"),
        Reduced(np.dtype, (">f8",)),
        Reduced(np.dtype, ("O",)),
        # a dtype with a state of its own, which numpy would set without asking
        Reduced(np.dtype, ("f8", False, True), (3, ">", None, None, None, -1, -1, 0)),
        Reduced(np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (0, 0)}, 8, 1, 63)),
        Reduced(np.float64(1).__reduce__()[0], (np.dtype("f8"), b"short")),
        Reduced(np.float64(1).__reduce__()[0], (np.dtype("f8"), [1, 2])),
        Reduced(np.float64(1).__reduce__()[0], ("f8", b"12345678")),
        np.datetime64("2020-01-01"),
        np.str_("text"),
        np.complex128(1),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, Reduced) else str(value.call)[:40],
)
def test_no_more_of_numpy_than_plain_numbers_is_understood(tmp_path: Path, value: object) -> None:
    source = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    torch.save({"meta_archs": [FIRST], "arch2infos": {}, "extra": value}, source)
    with pytest.raises(MalformedInput, match=r"not run|damaged"):
        convert("nasbench201", source, folder=tmp_path)
    assert np.dtype("f8") == np.dtype("<f8")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64])
def test_plain_numbers_of_numpy_are_numbers(tmp_path: Path, kind: type, runs) -> None:
    source = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    content = {
        "meta_archs": [FIRST],
        "arch2infos": {0: {"less": runs(12, 20.0, (7,)), "full": runs(200, 60.0, (7,))}},
    }
    for schedule in content["arch2infos"][0].values():  # type: ignore[index]
        for one in schedule["all_results"].values():
            one["params"] = kind(3)
    torch.save(content, source)
    done = convert("nasbench201", source, folder=tmp_path)
    size = read_table(done.path).series(Target("cifar10", "params_millions", 0))
    assert dict(size) == {FIRST: 3.0}


def test_a_compressed_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    source, mark = tmp_path / "NATS.pickle.pbz2", tmp_path / "run"
    compress(source, {"meta_archs": [Malicious(mark)]})
    with pytest.raises(MalformedInput, match=r"it names posix\.mkdir, which is not run"):
        convert("natsbench_tss", source, folder=tmp_path)
    assert not mark.exists()


def test_a_truncated_file_says_so_and_leaves_the_old_table(tmp_path: Path, official_201) -> None:
    source = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    official_201(source)
    before = convert("nasbench201", source, folder=tmp_path).path.read_bytes()
    source.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(MalformedInput, match="get an un"):
        convert("nasbench201", source, folder=tmp_path, replace=True)
    assert (tmp_path / "tables" / "nasbench201.parquet").read_bytes() == before
    assert [p.name for p in (tmp_path / "tables").iterdir()] == ["nasbench201.parquet"]
