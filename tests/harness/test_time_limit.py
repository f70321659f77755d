"""A block of code runs for so long at most."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from untrained.harness.time_limit import TimeLimitReached, time_limit


def test_a_slow_block_is_stopped_and_the_handler_put_back():
    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        while True:
            pass
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_code_that_catches_every_exception_does_not_swallow_the_limit():
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pytest.fail("the limit was taken for an error")


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
