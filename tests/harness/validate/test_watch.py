"""What an indicator reaches for while it runs is seen; what the project does itself is not."""

from __future__ import annotations

import importlib
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.harness.validation.access_audit import (
    AccessEvent,
    audit_access,
    take_access_events,
    unaudited,
)
from untrained.spaces import find_benchmark


@pytest.fixture(autouse=True)
def _nothing_before() -> None:
    take_access_events()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table in the data folder."""
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    path = tmp_path / "tables" / "some.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"a": [1]}), path)
    take_access_events()
    return path


def test_opening_a_table_is_reaching_for_accuracies(table: Path) -> None:
    with audit_access("scoring"):
        table.open("rb").close()
    assert take_access_events() == (AccessEvent("scoring", "accuracies", "opens some.parquet"),)
    assert take_access_events() == ()


@pytest.mark.parametrize("read", [pq.read_table, pq.ParquetFile, pd.read_parquet])
def test_readers_behind_python_s_back_are_watched(table: Path, read: object) -> None:
    with audit_access("scoring"):
        getattr(pq, getattr(read, "__name__", ""), read)(str(table))  # type: ignore[operator]
    assert AccessEvent("scoring", "accuracies", "opens some.parquet") in take_access_events()


def test_looking_an_architecture_up_is_reaching_for_accuracies() -> None:
    benchmark = find_benchmark("nasbench201", "nasbench201-analog")
    with audit_access("loading"):
        benchmark.table()
    kinds = {(one.when, one.kind) for one in take_access_events()}
    assert ("loading", "accuracies") in kinds


def test_other_files_data_bases_and_imports_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with audit_access("scoring"):
        (tmp_path / "notes.txt").read_text()
        sqlite3.connect(tmp_path / "mine.db").close()
        with pytest.raises(ImportError):
            __import__("nasbench")
    assert take_access_events() == (
        AccessEvent("scoring", "accuracies", "imports nasbench"),
        AccessEvent("scoring", "file", "opens mine.db"),
        AccessEvent("scoring", "file", "opens notes.txt"),
    )


def test_a_way_round_and_a_link_lead_to_the_same_table(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "innocent.bin").symlink_to(table)
    monkeypatch.chdir(table.parent)
    with audit_access("scoring"):
        Path("some.parquet").open("rb").close()
        Path("../innocent.bin").open("rb").close()
    assert take_access_events() == (
        AccessEvent("scoring", "accuracies", "opens innocent.bin"),
        AccessEvent("scoring", "accuracies", "opens some.parquet"),
    )


def test_a_module_beside_the_file_is_seen_and_the_project_s_own_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table_of_mine.py").write_text("ACCURACY = {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "untrained.harness.validation.trials", raising=False)
    with audit_access("loading"):
        importlib.import_module("table_of_mine")
        importlib.import_module("untrained.harness.validation.trials")
    seen = take_access_events()
    assert AccessEvent("loading", "file", "opens table_of_mine.py") in seen
    assert not [one for one in seen if "memory" in one.what]


def test_a_crowd_of_files_does_not_hide_a_table(table: Path, tmp_path: Path) -> None:
    with audit_access("scoring"):
        for number in range(300):
            (tmp_path / f"{number}.txt").write_text("")
        table.open("rb").close()
    assert [one.what for one in take_access_events() if one.kind == "accuracies"] == [
        "opens some.parquet"
    ]


def test_nothing_is_seen_outside_and_in_what_the_project_does(table: Path) -> None:
    table.open("rb").close()
    with audit_access("scoring"), unaudited():
        table.open("rb").close()
    pq.read_table(table)
    assert take_access_events() == ()
