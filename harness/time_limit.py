"""A limit on the wall time of a block of code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeLimitReached(BaseException):
    """The block took too long. Not an Exception, so that code inside cannot mistake it for one."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Let the block run for so many seconds of wall time at most.

    The limit is checked between Python instructions: one long call into a library is not cut
    short. It works in the main thread only (signals do); elsewhere there is no limit.

    Args:
        seconds: the limit, positive; None for no limit.

    Yields:
        Nothing.

    Raises:
        TimeLimitReached: in the block, when its time is up.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitReached

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
