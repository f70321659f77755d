"""Progress says how much is done, how fast it goes and how long it will take."""

from __future__ import annotations

import io

import pytest

from untrained.harness.execution.progress import BarProgress, PlainProgress, duration, make_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_come_every_ten_seconds_and_at_the_end():
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock=clock)
    with progress.running(total=100, done_before=20):
        for second in (3, 6, 9, 12, 15, 21, 23):
            clock.now = second
            progress.advance(5, 1 if second == 6 else 0)
    assert stream.getvalue().splitlines() == [
        "100 scores to do (20 are stored already)",
        "20/100 scores, 12 s, 1.7 scores/s, 48 s left, 1 failed",
        "35/100 scores, 23 s, 1.5 scores/s, 43 s left, 1 failed",
    ]


def test_the_last_line_also_comes_when_the_run_breaks_off():
    stream = io.StringIO()
    progress = PlainProgress(stream, clock=Clock())
    with pytest.raises(KeyboardInterrupt), progress.running(total=2, done_before=0):
        raise KeyboardInterrupt
    assert stream.getvalue().splitlines() == ["2 scores to do", "0/2 scores, 0 s"]


def test_the_bar_writes_to_standard_error_only(capsys):
    progress = BarProgress()
    with progress.running(total=4, done_before=1):
        progress.advance(3, 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "4/5" in captured.err
    assert "1 failed" in captured.err


def test_lines_are_plain_where_standard_error_is_no_terminal():
    assert isinstance(make_progress(), PlainProgress)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90061, "25 h 1 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str):
    assert duration(seconds) == text
