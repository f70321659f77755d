import json
import math

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from untrained.foundation import MalformedInput, StorageError


@pytest.fixture
def filled(store, make_score, environment):
    store.put_protocol("p0", '{"dataset":"cifar10"}')
    store.put(
        [
            make_score("a,b", 0.1 + 0.2),
            make_score("c", -math.inf, peak_bytes=2**40, representative="é"),
            make_score("d", status="error", reason='line\nbreak "quoted"'),
        ],
        environment,
    )
    return store


def test_parquet_gives_the_frame_back_with_protocols_and_environments(
    filled, tmp_path, environment
):
    path = filled.export(tmp_path / "new folder" / "x.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), filled.frame())
    metadata = pq.read_schema(path).metadata
    assert json.loads(metadata[b"untrained.protocols"]) == {"p0": '{"dataset":"cifar10"}'}
    assert json.loads(metadata[b"untrained.environments"]) == {"1": environment.canonical}


def test_csv_keeps_every_digit_infinity_and_text(filled, tmp_path):
    frame = pd.read_csv(filled.export(tmp_path / "x.csv"))
    expected = filled.frame()
    assert list(frame) == list(expected)
    assert frame["architecture"].tolist() == ["a,b", "c", "d"]
    text = pd.read_csv(tmp_path / "x.csv", dtype=str)["value"]
    np.testing.assert_array_equal([float(value) for value in text], expected["value"])
    assert frame["reason"][2] == 'line\nbreak "quoted"'
    assert frame["peak_bytes"][1] == 2**40


def test_equal_stores_export_equal_bytes(filled, tmp_path):
    for suffix in (".csv", ".parquet"):
        first, second = (filled.export(tmp_path / f"{name}{suffix}") for name in "xy")
        assert first.read_bytes() == second.read_bytes()


def test_an_interrupted_export_leaves_no_file(filled, tmp_path, monkeypatch):
    def interrupted(frame, path, **_):
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        filled.export(tmp_path / "new" / "x.csv")
    assert [*(tmp_path / "new").iterdir()] == []


def test_an_unknown_suffix_names_the_known_ones(filled, tmp_path):
    with pytest.raises(MalformedInput, match=r"'.xlsx' names no known format; there are: .csv, .p"):
        filled.export(tmp_path / "x.xlsx")


def test_an_export_that_cannot_be_written_keeps_what_was_there(filled, tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(StorageError, match=r"cannot export to .*x\.csv'.*choose a folder"):
        filled.export(tmp_path / "x.csv")
    with pytest.raises(StorageError, match="cannot export to"):
        filled.export(filled.path / "x.csv")
    assert sorted(p.name for p in tmp_path.iterdir() if "part" in p.name) == []
