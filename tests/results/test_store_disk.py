"""Stores on network disks have one writer; a file exchanged under an open store is noticed."""

import json
import os
import shutil
import socket
import sqlite3

import pytest

from untrained.foundation import StorageError
from untrained.results import ScoreStore
from untrained.results.store import disk
from untrained.results.store.disk import network_disk
from untrained.results.store.merge import merge_stores

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export {root}/shared nfs4 rw,vers=4.2 0 0
tmpfs {root}/shared/local tmpfs rw 0 0
scratch {root}/with\\040space lustre rw,flock 0 0
//server/x {root}/twice cifs rw 0 0
/dev/sdb1 {root}/twice xfs rw 0 0
broken line
"""


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    """Pretend that some folders are mounted."""
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text(MOUNTS.format(root=tmp_path))
    for name in ("shared/local", "with space", "twice", "shared-not"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("s.sqlite", None),
        ("shared/s.sqlite", "nfs4"),
        ("shared/deep/er/s.sqlite", "nfs4"),
        ("shared/local/s.sqlite", None),
        ("shared-not/s.sqlite", None),
        ("with space/s.sqlite", "lustre"),
        ("twice/s.sqlite", None),
    ],
)
def test_the_disk_of_a_path_is_that_of_the_innermost_mount(mounts, place, kind):
    assert network_disk(mounts / place) == kind


def test_where_mounts_are_unknown_disks_are_local(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "none")
    assert network_disk(tmp_path / "s.sqlite") is None


def test_a_store_on_a_network_disk_has_no_shared_memory_and_one_writer(
    mounts, make_score, environment
):
    path = mounts / "shared" / "s.sqlite"
    with ScoreStore(path) as store:
        store.put([make_score("a")], environment)
        assert store.network_disk == "nfs4"
        names = {file.name for file in path.parent.iterdir() if file.is_file()}
        assert names == {"s.sqlite", "s.sqlite.writer"}
        with ScoreStore(path, create=False) as reader:  # who reads needs no right to write
            assert len(reader.frame()) == 1
            with pytest.raises(StorageError) as caught:
                reader.put([make_score("b")], environment)
        assert f"(nfs4), and process {os.getpid()} on {socket.gethostname()} writes to it" in str(
            caught.value
        )
        store.put([make_score("c")], environment)
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == ["s.sqlite"]
    with ScoreStore(path) as store:
        assert store.put([make_score("b")], environment) == 1
        assert len(store.frame()) == 3


@pytest.mark.parametrize(
    ("holder", "taken"),
    [
        ({"host": socket.gethostname(), "pid": 2**22 + 1}, True),  # beyond every process
        ({"host": socket.gethostname(), "pid": 2**70}, False),
        ({"host": socket.gethostname(), "pid": 1}, False),
        ({"host": "another", "pid": 2**22 + 1}, False),
        ("[", False),
        (7, False),
    ],
)
def test_the_right_of_a_killed_run_of_this_machine_alone_is_taken_over(
    mounts, make_score, environment, holder, taken
):
    path = mounts / "shared" / "s.sqlite"
    left = path.with_name("s.sqlite.writer")
    left.write_text(holder if isinstance(holder, str) else json.dumps(holder))
    with ScoreStore(path) as store:
        if taken:
            assert store.put([make_score("a")], environment) == 1
            return
        with pytest.raises(StorageError, match=r"If that run is gone, delete '.*\.writer'"):
            store.put([make_score("a")], environment)
    assert left.exists(), "closing gives back only what was claimed"


def test_merging_into_a_store_that_is_written_to_is_refused(mounts, make_score, environment):
    path, other = mounts / "shared" / "s.sqlite", mounts / "o.sqlite"
    with ScoreStore(other) as store:
        store.put([make_score("b")], environment)
    with ScoreStore(path) as store:
        store.put([make_score("a")], environment)
        with pytest.raises(StorageError, match="one store a run"):
            merge_stores([other], path, canonical_of=lambda space: None)
    assert merge_stores([other], path, canonical_of=lambda space: None) == 1


def test_a_store_copied_to_a_network_disk_leaves_its_journal(mounts, make_score, environment):
    with ScoreStore(mounts / "s.sqlite") as store:
        store.put([make_score("a")], environment)
    path = mounts / "with space" / "s.sqlite"
    shutil.copy(mounts / "s.sqlite", path)
    with ScoreStore(path) as store:
        assert store.frame()["architecture"].tolist() == ["a"]
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def remove(path, other):
    path.unlink()


def exchange(path, other):
    other.replace(path)


def cut(path, other):
    os.truncate(path, 5000)


def empty(path, other):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (remove, "the file was removed or moved while it was open"),
        (exchange, "another file took its place while it was open"),
        (cut, "the file was cut short while it was open"),
        (empty, "the file was cut short while it was open"),
    ],
)
def test_a_file_that_changes_under_an_open_store_is_noticed(
    store, make_score, environment, tmp_path, change, text
):
    other = tmp_path / "other.sqlite"
    with ScoreStore(other) as second:
        second.put([make_score("z")], environment)
    store.put([make_score("a")], environment)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert len(store.frame()) == 1
    change(store.path, other)
    for use in (lambda: store.put([make_score("b")], environment), store.frame):
        with pytest.raises(StorageError, match=f"{text}.*give the same command again"):
            use()


def test_a_store_that_grows_is_the_same_file(store, make_score, environment):
    for part in range(5):
        store.put([make_score(f"{part}-{i:0500}") for i in range(40)], environment)
        store._connection.execute("PRAGMA wal_checkpoint")
    assert len(store.frame()) == 200


def test_a_file_cut_short_before_it_was_opened_is_refused(store, make_score, environment):
    store.put([make_score(f"{i:0500}") for i in range(40)], environment)
    store.close()
    os.truncate(store.path, store.path.stat().st_size // 2)
    with pytest.raises(StorageError, match=r"the file (is damaged|was cut short); restore a copy"):
        ScoreStore(store.path, create=False).frame()
    assert sqlite3.connect(store.path).close() is None
