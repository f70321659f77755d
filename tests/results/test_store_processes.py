"""Several processes on one store, and processes killed in the middle of writing."""

import signal
import sqlite3
import subprocess
import sys

import pytest

from untrained.results import ScoreStore

PREAMBLE = """
import sys
from untrained.results import Environment, Score, ScoreStore

environment = Environment(*[None] * 10)
def put(store, names, value):
    store.put([Score("toy", n, "naswot", 1, "p", 0, value) for n in names], environment)
"""

WRITER = (
    PREAMBLE
    + """
path, me, value = sys.argv[1], sys.argv[2], float(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = ScoreStore(path)
for batch in range(40):
    put(store, [f"{who}-{batch}-{i}" for who in (me, "both") for i in range(10)], value)
"""
)

ENDLESS = (
    PREAMBLE
    + """
store = ScoreStore(sys.argv[1])
for batch in range(10**9):
    put(store, [f"{batch}-{i}" for i in range(50)], float(batch))
    print(batch, flush=True)
"""
)

HUGE = (
    PREAMBLE
    + """
store = ScoreStore(sys.argv[1])
put(store, ["first"], 0.0)
print("begin", flush=True)
put(store, [str(i) for i in range(100_000)], 1.0)
"""
)


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_sound(path):
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_two_processes_creating_and_writing_one_store_lose_nothing(tmp_path):
    path = tmp_path / "x.sqlite"
    writers = [start(WRITER, path, me, value) for me, value in (("one", 1.0), ("two", 2.0))]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert_sound(path)
    frame = ScoreStore(path, create=False).frame()
    parts = frame["architecture"].str.split("-", expand=True)
    assert parts[0].value_counts().to_dict() == {"one": 400, "two": 400, "both": 400}
    assert set(frame["value"][parts[0] == "one"]) == {1.0}
    # a shared batch was written whole by whoever came first
    shared = frame["value"][parts[0] == "both"].groupby(parts[1])
    assert (shared.nunique() == 1).all()


@pytest.mark.parametrize("batches", [1, 13])
def test_a_killed_writer_leaves_whole_transactions_and_a_store_that_goes_on(
    tmp_path, batches, make_score, environment
):
    path = tmp_path / "x.sqlite"
    with start(ENDLESS, path) as writer:
        for _ in range(batches):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    with ScoreStore(path, create=False) as store:
        sizes = store.frame().groupby("value").size()
        # at least what was acknowledged, at most what was written until the signal came
        assert sizes.index.tolist() == list(range(len(sizes)))
        assert len(sizes) > acknowledged
        assert set(sizes) == {50}
        store.put([make_score("afterwards", -1.0)], environment)
        assert len(store.frame()) == 50 * len(sizes) + 1
    assert_sound(path)


def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_it(tmp_path):
    path = tmp_path / "x.sqlite"
    log = path.with_name("x.sqlite-wal")
    with start(HUGE, path) as writer:
        assert writer.stdout.readline() == "begin\n"
        # rows of the open transaction spill into the log once SQLite's page cache is full
        while log.stat().st_size < 500_000:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert ScoreStore(path, create=False).frame()["architecture"].tolist() == ["first"]
    assert_sound(path)
