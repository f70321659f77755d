"""A block of code runs for so long at most."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from untrained.harness.execution.watchdog import TimeLimitReached, time_limit


def _wait_for_ever() -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pytest.fail("the limit was taken for an error")


def test_a_slow_block_is_stopped_although_it_catches_every_exception():
    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        _wait_for_ever()
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def _in_a_finaliser():
    class Slow:
        def __del__(self):
            time.sleep(0.1)

    Slow()


def _in_a_callback_of_the_collector():
    def slow(phase, _info):
        if phase == "start":
            time.sleep(0.1)

    gc.callbacks.append(slow)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(slow)


@pytest.mark.parametrize("bad_moment", [_in_a_finaliser, _in_a_callback_of_the_collector])
def test_a_limit_that_python_would_drop_comes_a_little_later(bad_moment):
    def block():
        bad_moment()
        _wait_for_ever()

    began = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        block()
    assert time.monotonic() - began < 5


def test_a_fast_block_is_left_alone():
    with time_limit(30):
        pass
    with time_limit(None):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_there_is_no_limit_outside_the_main_thread():
    finished = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.05)
        finished.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert finished


HANGING = """
import os, signal, time
from untrained.harness.execution.watchdog import time_limit
with time_limit(0.1, "the block"):
    {}
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    "line",
    [
        "pass  # every exception is caught below",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])",
        "sum(range(10**12))",
        "os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["caught", "blocked", "in C", "stopped"],
)
def test_a_process_that_cannot_be_interrupted_is_ended_with_a_sentence(line):
    done = subprocess.run(
        [sys.executable, "-c", HANGING.format(line)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == (
        "\nuntrained: the block: not done after 0.1 s and could not be interrupted: its process "
        "was ended. What was stored before is kept.\n"
    )


def test_a_signal_that_the_block_has_blocked_is_free_afterwards():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    # another thread may get the signal, which interrupts the block all the same
    with suppress(TimeLimitReached), time_limit(0.4):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(0.5)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
