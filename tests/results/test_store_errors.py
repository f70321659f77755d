import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from untrained.foundation import MissingData, StorageError
from untrained.results import ScoreStore
from untrained.results.store import database


def test_a_missing_store_names_the_nearest_one(store):
    with pytest.raises(MissingData) as error:
        ScoreStore(store.path.with_name("score.sqlite"), create=False)
    assert "no score store at" in str(error.value)
    assert "did you mean scores.sqlite?" in str(error.value)
    assert "untrained run" in str(error.value)
    assert not store.path.with_name("score.sqlite").exists()


def test_a_missing_store_in_a_missing_folder_says_so(tmp_path):
    with pytest.raises(MissingData, match=r"there is no folder '.*nowhere' either"):
        ScoreStore(tmp_path / "nowhere" / "x.sqlite", create=False)


def test_creating_a_store_makes_its_folders(tmp_path):
    ScoreStore(tmp_path / "a" / "b c%?#" / "x.sqlite").close()
    assert (tmp_path / "a" / "b c%?#" / "x.sqlite").is_file()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot make the folder .*choose another place"):
        ScoreStore(tmp_path / "file" / "below" / "x.sqlite")


@pytest.mark.parametrize("content", [b"hello\n", b"SQLite format 3\x00 but no more", b"x" * 9000])
@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path, content, create):
    path = tmp_path / "no.sqlite"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"no\.sqlite'.* is not an SQLite database"):
        ScoreStore(path, create=create)
    assert path.read_bytes() == content


@pytest.mark.parametrize("table", ["other (x)", "meta (key, value)"])
def test_a_database_of_another_program_is_left_as_it_is(tmp_path, table):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute(f"CREATE TABLE {table}")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program; it was left as it is"):
        ScoreStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.csv", "a.Parquet", "a.json"])
def test_no_store_is_made_under_the_name_of_a_table(tmp_path, name):
    with pytest.raises(StorageError, match=r"is read as a table of scores.*such as a\.sqlite"):
        ScoreStore(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_empty_file_becomes_a_store_only_when_asked(tmp_path):
    path = tmp_path / "x.sqlite"
    path.touch()
    with pytest.raises(StorageError, match=r"empty database without any score; .*untrained run"):
        ScoreStore(path, create=False)
    assert ScoreStore(path).frame().empty


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StorageError, match="it is a folder; name a file in it"):
        ScoreStore(tmp_path)


@pytest.mark.parametrize("version", ["2", "0"])
def test_a_store_of_another_schema_version_says_which(store, version):
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [version])
    connection.close()
    with pytest.raises(StorageError, match=f"schema version is {version}, .* reads 1; use the"):
        ScoreStore(store.path)


def test_a_damaged_store_is_a_storage_error(store, make_score, environment):
    store.put([make_score(f"{i:0200}") for i in range(500)], environment)
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    store.path.write_bytes(content)
    with pytest.raises(StorageError, match="damaged"):
        ScoreStore(store.path).frame()


def test_a_lock_held_too_long_is_a_storage_error(store, make_score, environment, monkeypatch):
    store.put([make_score("kept")], environment)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = ScoreStore(store.path)
    with pytest.raises(StorageError, match="another process has kept it locked"):
        waiting.put([make_score("new")], environment)
    other.close()
    assert waiting.put([make_score("new")], environment) == 1
    assert waiting.frame()["architecture"].tolist() == ["kept", "new"]


@pytest.mark.parametrize("change", [{"seed": 2**70}, {"architecture": "\udcff"}])
def test_what_sqlite_cannot_hold_is_a_storage_error(store, make_score, environment, change):
    store.put([make_score("kept")], environment)
    bad = make_score(**change)
    with pytest.raises(StorageError, match=r"seeds are below 2\^63, texts valid Unicode"):
        store.put([make_score("with it"), bad], environment)
    assert store.frame()["architecture"].tolist() == ["kept"]


def test_asking_for_a_seed_beyond_64_bits_is_a_storage_error(store, make_score):
    with pytest.raises(StorageError, match=r"cannot read .*seeds are below 2\^63"):
        store.missing([make_score(seed=2**63).key])


FULL_DISK = """
import resource, sys
from untrained.foundation import StorageError
from untrained.results import Environment, Score, ScoreStore

environment = Environment(*[None] * 10)
def batch(name, count):
    return [Score("toy", f"{name}{i:0100}", "naswot", 1, "p", 0, float(i)) for i in range(count)]

store = ScoreStore(sys.argv[1])
store.put(batch("first", 10), environment)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
try:
    store.put(batch("second", 5000), environment)
except StorageError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(len(store.frame()), store.put(batch("third", 7), environment), len(store.frame()))
"""


def test_a_full_disk_loses_nothing_that_was_committed(tmp_path):
    path = tmp_path / "x.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    message, counts = done.stdout.splitlines()
    assert "the disk is full, or the file may not grow" in message
    assert "everything committed before is kept; make room" in message
    assert counts == "10 7 17"
    kept = ScoreStore(path, create=False).frame()["architecture"].str.rstrip("0123456789")
    assert kept.value_counts().to_dict() == {"first": 10, "third": 7}


READ_ONLY = """
import os, sys
from untrained.foundation import StorageError
from untrained.results import Environment, Score, ScoreStore

ScoreStore(sys.argv[2]).frame()  # imports what is imported on first use, before the rights go
if os.geteuid() == 0:
    os.setuid(65534)
try:
    store = ScoreStore(sys.argv[1])
    print(store.frame()["value"].tolist())
    score = Score("toy", "new", "naswot", 1, "p", 0, 1.0)
    store.put([score], Environment(*[None] * 10))
except StorageError as error:
    print(error)
"""


@pytest.fixture
def read_only(tmp_path):
    """Run a child without the right to write, on a store in a folder it cannot write to."""
    # not below tmp_path, whose parents are closed to other users
    folder = Path(tempfile.mkdtemp())

    def run(*files):
        for file in files:
            shutil.copy(file, folder)
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        target = folder / files[0].name
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, target, tmp_path / "warm.sqlite"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX users")
def test_a_store_on_a_read_only_medium_is_read_but_not_written(
    store, make_score, environment, read_only
):
    store.put([make_score(value=4.5)], environment)
    store.close()
    values, message = read_only(store.path)
    assert values == "[4.5]"
    assert "cannot write to the score store" in message
    assert "it is read-only here; make file and folder writable" in message


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX users")
def test_a_read_only_store_with_rows_waiting_in_its_log_is_not_read_without_them(
    store, make_score, environment, read_only
):
    store.put([make_score(value=4.5)], environment)
    log = store.path.with_name(f"{store.path.name}-wal")
    assert log.stat().st_size > 0
    (message,) = read_only(store.path, log)
    assert "cannot open the score store" in message
    assert "name a file in a folder you can write to" in message
