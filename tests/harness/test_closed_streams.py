"""Readers and terminals that go away end no run, and no command with a traceback."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys

import pytest

from untrained.foundation import Interrupted
from untrained.harness.cli import main as command_line
from untrained.harness.execution.progress import BarProgress, PlainProgress

LIGHT = """
import sys
from untrained.harness.cli import main
def app(prog_name):
    for _ in range(int(sys.argv[1])):
        print("x" * 1000)
    sys.exit(0)
main.app = app
main.main()
"""


def light_command(size: int, output) -> tuple[int, str]:
    """Run a command that prints so many kilobytes: exit status and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(size)],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("size", [1, 1000])
def test_a_reader_that_goes_away_causes_no_traceback(size):
    read, write = os.pipe()
    os.close(read)
    assert light_command(size, write) == (1, "")
    os.close(write)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("size", [1, 1000])
def test_output_that_does_not_fit_is_an_error_in_a_sentence(size):
    with open("/dev/full", "w") as full:
        status, err = light_command(size, full)
    assert err == (
        "untrained: cannot write the output: No space left on device. Send it elsewhere.\n"
    )
    assert status == 2


class Closed(io.StringIO):
    """A terminal that was closed."""

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")


def test_progress_goes_on_when_nobody_sees_it(monkeypatch):
    progress = PlainProgress(Closed())
    with progress.running(total=1, done_before=0):
        progress.warn("beware")
        progress.advance(1, 0)
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", Closed())
        bar = BarProgress()
        with bar.running(total=2, done_before=0):
            bar.warn("beware")
            bar.advance(1, 0)
            bar._bar.refresh = bar._bar.update = fail
            bar.advance(1, 0)


def fail(*_, **__):
    raise OSError(errno.EIO, "Input/output error")


def test_a_command_without_standard_output_is_no_fault(monkeypatch):
    monkeypatch.setattr(command_line, "app", lambda prog_name: None)
    monkeypatch.setattr(sys, "stdout", None)
    command_line.main()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("closed", [False, True])
def test_signals_of_the_end_interrupt_a_command(untrained, monkeypatch, number, closed):
    def app(prog_name):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; what is done is kept") from None

    ending = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, ending)  # a parent may have had it ignored
    monkeypatch.setattr(command_line, "app", app)
    if closed:
        monkeypatch.setattr(sys, "stderr", Closed())
    try:
        code, _, err = untrained("score")
        assert signal.getsignal(number) is ending
    finally:
        signal.signal(number, before)
    assert code == 130
    assert closed or err == "untrained: interrupted; what is done is kept\n"


def test_a_signal_that_is_ignored_stays_so(untrained, monkeypatch):
    """Under nohup a run outlives its terminal."""
    monkeypatch.setattr(command_line, "app", lambda prog_name: signal.raise_signal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert untrained("score")[0] == 0
    finally:
        signal.signal(signal.SIGHUP, before)
