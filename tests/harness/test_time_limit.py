"""A block of code runs for so long at most."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from untrained.harness.execution.scoring import TimeLimitReached, time_limit


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
