"""The log of a run, what `status` makes of it, and what is said of failures at the end."""

from __future__ import annotations

import io
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from untrained.foundation import StorageError
from untrained.harness.cli import status as status_command
from untrained.harness.execution import run_log
from untrained.harness.execution.progress import PlainProgress, Progress
from untrained.harness.execution.run_log import FIELDS, LoggedProgress, log_path, read_log
from untrained.harness.execution.runner import Failure, group_failures
from untrained.results import Score, ScoreStore

NAN = float("nan")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def scores(count: int, **fields) -> list[Score]:
    key = {"space": "s", "indicator": "i", "version": 1, "protocol": "p", "seed": 0, "value": 1.0}
    return [Score(architecture=f"a{k}", **{**key, **fields}) for k in range(count)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def advance(progress: Progress, some: list[Score], worker: str = "w:1") -> None:
    progress.record(some, worker)
    progress.advance(len(some), sum(score.status == "error" for score in some))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return log_path(tmp_path / "s.sqlite")


def test_the_log_says_what_was_asked_how_far_it_is_and_how_it_ended(path):
    assert path.name == "s.sqlite.jsonl"
    clock = Clock()
    progress = LoggedProgress(Progress(), path, command="untrained score", clock=clock)
    failed = {"value": NAN, "status": "error", "reason": "x" * 9000}
    with progress.running(total=20, done_before=4):
        progress.warn("beware")
        for second in (1, 2, 7, 8):
            clock.now = second
            advance(progress, scores(2), f"w:{second % 2}")
        advance(progress, scores(1, **failed))
    found = lines(path)
    assert [one["event"] for one in found] == ["start", "warning", "progress", "failure", "end"]
    for one in found:
        assert tuple(one) == ("event", "run", "time", "elapsed_s", *FIELDS[one["event"]])
        assert one["run"] == found[0]["run"]
    start, _, middle, failure, end = found
    assert (start["wanted"], start["stored"], start["pid"]) == (24, 4, os.getpid())
    assert start["host"] == socket.gethostname()
    assert (middle["elapsed_s"], middle["done"], middle["failed"]) == (7, 6, 0)
    assert middle["workers"] == {"w:0": 2, "w:1": 4}
    assert failure["architecture"] == "a0"
    assert failure["reason"] == "x" * 500
    assert (end["outcome"], end["done"], end["failed"]) == ("finished", 9, 1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(KeyboardInterrupt(), "interrupted"), (StorageError("full"), "failed: full")],
)
def test_the_log_says_why_a_run_ended_early(path, error, outcome):
    with (
        pytest.raises(type(error)),
        LoggedProgress(Progress(), path).running(total=1, done_before=0),
    ):
        raise error
    assert lines(path)[-1]["outcome"] == outcome
    (state,) = read_log(path)
    assert not state.is_running


def test_rates_stand_when_the_clock_of_the_machine_jumps(path, monkeypatch):
    clock = Clock()
    stream = io.StringIO()
    progress = LoggedProgress(PlainProgress(stream, clock=clock), path, clock=clock)
    with progress.running(total=100, done_before=0):
        for second, jump in ((5, 10**6), (10, -(10**6)), (20, 0)):
            clock.now = second
            monkeypatch.setattr(time, "time", lambda jump=jump: 1.8e9 + jump)
            advance(progress, scores(10))
        (state,) = read_log(path)
        assert (state.done, state.elapsed_s, state.rate, state.left_s) == (30, 20, 1.5, 70 / 1.5)
    assert "30/100 scores, 20 s, 1.5 scores/s, 47 s left" in stream.getvalue()


def test_two_runs_write_to_one_log(path):
    one, two = (LoggedProgress(Progress(), path) for _ in range(2))
    with one.running(total=5, done_before=0), two.running(total=7, done_before=0):
        advance(one, scores(5))
        advance(two, scores(6))
    states = read_log(path)
    assert [(state.wanted, state.done, state.outcome) for state in states] == [
        (5, 5, "finished"),
        (7, 6, "finished"),
    ]


def test_a_log_that_cannot_be_written_is_refused_before_and_given_up_within_a_run(path, tmp_path):
    with pytest.raises(StorageError, match=r"cannot write the log .*with --log\."):
        LoggedProgress(Progress(), tmp_path)

    class Full(io.StringIO):
        name = "full.jsonl"

        def write(self, text):
            raise OSError(28, "No space left on device")

    stream = io.StringIO()
    progress = LoggedProgress(PlainProgress(stream), path)
    progress._file = Full()
    with progress.running(total=2, done_before=0):
        advance(progress, scores(2))
    assert stream.getvalue().count("cannot write the log 'full.jsonl': No space left") == 1
    assert "2/2 scores" in stream.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        *("", "{", "[]", "7", "null", '{"event": "start"}', '{"event": "x", "run": "r"}'),
        *('{"event": [], "run": "r"}', "[" * 100_000, '{"event": "end", "run": "q"', "\x00\xff"),
    ],
)
def test_lines_that_are_no_events_are_left_out(path, line):
    good = '{"event": "start", "run": "r", "wanted": 3, "pid": 1}'
    path.write_text(f"{good}\n{line}\n")
    assert [state.wanted for state in read_log(path)] == [3]


@pytest.mark.parametrize("value", ['"x"', "[]", "true", "1e999", "-1", "null", '{"a": "b"}'])
@pytest.mark.parametrize("name", ["wanted", "pid", "done", "elapsed_s", "workers", "time", "host"])
def test_fields_of_another_type_are_left_out(path, name, value):
    path.write_text(f'{{"event": "start", "run": "r", "{name}": {value}}}\n' * 2)
    (state,) = read_log(path)
    assert state.rate == 0
    status_command._run_line(state)


def test_a_run_whose_process_is_gone_is_not_at_work(path):
    start = {"event": "start", "run": "r", "host": socket.gethostname(), "pid": 2**22 + 1}
    path.write_text(json.dumps(start | {"command": "untrained score x"}))
    (state,) = read_log(path)
    assert not state.is_running
    assert "ended without a word" in status_command._run_line(state)


def test_failures_are_grouped_by_what_went_wrong():
    failures = [
        Failure("v", "b", "timeout", "not done after 5 s"),
        Failure("w", "a", "timeout", "not done after 7.5 s"),
        Failure("x", "a", "error", "no 'x' here"),
        Failure("y", "a", "error", "no 'y' here"),
        Failure("z", "a", "error", "else"),
    ]
    groups = group_failures([*failures, failures[0]])
    assert [(g.count, g.status, g.reason, g.indicators, g.architecture) for g in groups] == [
        (3, "timeout", "not done after 5 s", ("a", "b"), "v"),
        (2, "error", "no 'x' here", ("a",), "x"),
        (1, "error", "else", ("a",), "z"),
    ]


@pytest.fixture
def broken_twice(add_indicator):
    """An indicator that fails as long as the list holds something."""
    failing = [True]

    def broken(measurement):
        if failing:
            raise RuntimeError("on purpose")
        return 1.5

    add_indicator("broken", broken)
    return failing


def test_a_run_is_logged_shown_and_its_failures_scored_again(
    untrained, score_arguments, tmp_path: Path, broken_twice, monkeypatch
):
    store = tmp_path / "s.sqlite"
    arguments = score_arguments(store, sample=2, indicators="broken,params")
    code, _, err = untrained(*arguments)
    assert code == 1
    assert "2 error of broken: RuntimeError: on purpose (first: |" in err
    (command,) = (line for line in err.splitlines() if line.startswith("to try them once more: "))
    again = command.removeprefix("to try them once more: untrained ").split()
    assert again == [*arguments, "--rerun", "failed"]

    code, out, err = untrained("status", store)
    assert code == 0, err
    assert f"4 scores in {store}: 2 error, 2 ok" in out
    assert "2 of" not in out.splitlines()[0]
    assert "4 of 4 scores" in out
    assert "2 failed; finished" in out
    assert "broken v1" in out
    code, out, _ = untrained("status", store, "--json")
    found = json.loads(out)
    assert found["statuses"] == {"error": 2, "ok": 2}
    by_name = {one["indicator"]: one for one in found["indicators"]}
    assert (by_name["broken"]["scores"], by_name["broken"]["not_ok"]) == (2, 2)
    assert by_name["params"]["total_s"] >= by_name["params"]["longest_s"] > 0
    (run,) = found["runs"]
    assert run["workers"] == {f"{socket.gethostname()}:{os.getpid()}": 4}

    broken_twice.clear()
    assert "0 new" in untrained(*arguments)[2], "a failure is a result until it is asked for"
    code, _, err = untrained(*again)
    assert code == 0, err
    assert "4 ok (2 new)" in err
    code, _, err = untrained(*arguments, "--rerun", "all", "--log", tmp_path / "own.jsonl")
    assert code == 0, err
    assert "4 ok (4 new)" in err
    assert lines(tmp_path / "own.jsonl")[-1]["done"] == 4


def test_scores_that_are_ok_are_replaced_by_ok_ones_alone(tmp_path: Path):
    from untrained.results import current_environment

    environment = current_environment(device="cpu", threads=1)
    with ScoreStore(tmp_path / "s.sqlite") as store:
        store.put(scores(1), environment)
        assert store.put(scores(1, value=2.0), environment) == 0
        assert store.put(scores(1, value=2.0), environment, replace_ok=True) == 1
        failed = scores(1, value=NAN, status="error")
        assert store.put(failed, environment, replace_ok=True) == 0
        assert store.frame()["value"].tolist() == [2.0]


def test_watching_ends_with_the_runs(untrained, tmp_path: Path, monkeypatch):
    store = tmp_path / "s.sqlite"
    ScoreStore(store).close()
    progress = LoggedProgress(Progress(), log_path(store))
    run = progress.running(total=10, done_before=0)
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        run.__exit__(None, None, None)

    monkeypatch.setattr(status_command.time, "sleep", wait)
    run.__enter__()
    code, out, _ = untrained("status", store, "--watch")
    assert code == 0
    assert waits == [2.0]
    assert out.count(f"0 scores in {store}: none") == 2
    assert f"at work on {socket.gethostname()} (process {os.getpid()})" in out
    assert out.rstrip().endswith("finished")


def test_status_without_a_log_shows_the_store_and_a_wrong_log_is_an_error(
    untrained, tmp_path: Path
):
    store = tmp_path / "s.sqlite"
    ScoreStore(store).close()
    assert untrained("status", store) == (0, f"0 scores in {store}: none\n", "")
    code, _, err = untrained("status", store, "--log", tmp_path / "gone.jsonl")
    assert code == 2
    assert "gone.jsonl': it does not exist. Leave --log out" in err
    (tmp_path / "foreign.jsonl").write_text('{"epoch": 1, "loss": 2.3}\n')
    code, _, err = untrained("status", store, "--log", tmp_path / "foreign.jsonl")
    assert (code, "no line of it is an event of a run. Leave" in err) == (2, True)
    (tmp_path / "empty.jsonl").touch()
    assert untrained("status", store, "--log", tmp_path / "empty.jsonl")[0] == 0
    assert untrained("status", tmp_path / "none.sqlite")[0] == 2


def test_a_run_that_a_later_one_went_on_with_is_not_to_go_on(untrained, tmp_path: Path):
    store = tmp_path / "s.sqlite"
    ScoreStore(store).close()

    def run(command: str, end: type[BaseException] | None) -> None:
        progress = LoggedProgress(Progress(), log_path(store), command=command)
        with suppress(KeyboardInterrupt), progress.running(total=10, done_before=0):
            if end:
                raise end

    run("untrained run a.toml", KeyboardInterrupt)
    run("untrained run b.toml", KeyboardInterrupt)
    assert untrained("status", store)[1].count("to go on: ") == 2
    run("untrained run a.toml", KeyboardInterrupt)
    assert untrained("status", store)[1].count("to go on: untrained run a.toml") == 1
    run("untrained run a.toml", None)
    out = untrained("status", store)[1]
    assert out.count("to go on: ") == out.count("to go on: untrained run b.toml") == 1


def test_a_log_keeps_the_last_runs_alone(path, monkeypatch):
    monkeypatch.setattr(run_log, "_MOST_RUNS", 3)
    path.write_text("".join(f'{{"event": "start", "run": "{k}"}}\n' for k in range(9)))
    assert [state.run for state in read_log(path)] == ["6", "7", "8"]
