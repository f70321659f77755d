"""Time limits of a step of work, also of work that cannot be interrupted."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import Any


class TimeLimitReached(BaseException):
    """The block took too long. Not an Exception, so that code inside cannot mistake it for one."""


class Step(ctypes.Structure):
    """What a worker is doing, in memory that it shares with its parent."""

    _fields_ = (
        ("pid", ctypes.c_long),
        ("item", ctypes.c_long),
        ("limit_s", ctypes.c_double),
        ("deadline", ctypes.c_double),  # of time.monotonic; 0: none
        ("whole", ctypes.c_bool),
    )


_own: list[Any] = []
"""The step of this process, if it is a worker."""


def follow(step: Any) -> None:
    """Let the parent of this worker see its steps."""
    step.pid, step.deadline = os.getpid(), 0.0
    _own[:] = [step]


@contextmanager
def worked_on(item: int) -> Iterator[None]:
    """Tell the parent on which item this worker is at work."""
    (step,) = _own
    step.item = item
    try:
        yield
    finally:
        step.deadline = 0.0


def overdue(steps: Any) -> Iterator[tuple[int, str, bool]]:
    """End the workers that are far beyond the limit of their step.

    Yields:
        The number of the item, what happened, and whether the whole item is at fault.
    """
    now = time.monotonic()
    for step in steps:
        if 0.0 < step.deadline < now:
            item, text, whole = step.item, _sentence(step.limit_s, "worker process"), step.whole
            step.deadline = 0.0
            with suppress(ProcessLookupError):
                os.kill(step.pid, signal.SIGKILL)
            yield item, text, whole


def _sentence(limit_s: float, what: str) -> str:
    return f"not done after {limit_s:g} s and could not be interrupted: its {what} was ended"


def _patience(limit_s: float) -> float:
    """Seconds after which a step is ended from outside; one long call may end a little late."""
    return 1.5 * limit_s + 1.0


_WATCH = """
import os, select, signal, sys
left, text = None, ""
while True:
    if select.select([0], [], [], left)[0]:
        lines = os.read(0, 65536).decode(errors="replace").splitlines()
        if not lines:
            break
        seconds, text = lines[-1].split(" ", 1)
        left = float(seconds) or None
    else:
        sys.stderr.write("\\nuntrained: " + text + "\\n")
        sys.stderr.flush()
        os.kill(int(sys.argv[1]), signal.SIGKILL)
        break
"""


class _Watcher:
    """A small process that ends this one when a step of it hangs for good."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = subprocess.Popen(  # noqa: S603 the program is the text above
            [sys.executable, "-I", "-S", "-c", _WATCH, str(self.pid)],
            stdin=subprocess.PIPE,
            bufsize=0,
        )

        atexit.register(self._close)

    def _close(self) -> None:
        if self.pid == os.getpid():
            self._process.communicate()

    def end_after(self, seconds: float, text: str = "") -> None:
        """Start to count, or stop with 0; the text is what is printed at the end."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(f"{seconds} {' '.join(text.split())}\n".encode())


@cache
def _watcher(pid: int) -> _Watcher:
    """The one watcher of this process; a fork has another one."""
    return _Watcher(pid)


@contextmanager
def _ended_after(seconds: float, what: str, *, whole: bool) -> Iterator[None]:
    """Let this process be ended from outside if the block hangs."""
    for step in _own:
        before = step.limit_s, step.whole, step.deadline
        step.limit_s, step.whole = seconds, whole
        step.deadline = time.monotonic() + _patience(seconds)
        try:
            yield
        finally:
            step.limit_s, step.whole, step.deadline = before
        return
    watcher = _watcher(os.getpid())
    text = f"{what}: {_sentence(seconds, 'process')}. What was stored before is kept."
    watcher.end_after(_patience(seconds), text)
    try:
        yield
    finally:
        watcher.end_after(0)


_AGAIN_S = 0.01
"""Seconds until a limit that came at a bad moment is tried again."""


def _loses_exceptions(frame: FrameType | None) -> bool:
    """Tell whether Python would drop an exception of this frame, and go on.

    It does so in callbacks of the garbage collector and in finalisers. It also does so in callbacks
    of weak references, which cannot be told apart from other calls: there the process is ended.
    """
    callbacks = {getattr(one, "__code__", None) for one in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


@contextmanager
def time_limit(
    seconds: float | None, what: str = "a step", *, whole: bool = False
) -> Iterator[None]:
    """Let the block run for so many seconds of wall time at most.

    The limit is checked between Python instructions: one long call into a library is not cut
    short. A block that goes on for half as long again ends its process: a worker is replaced by
    its parent, another process ends with a sentence. It works in the main thread only (signals
    do); elsewhere there is no limit.

    Args:
        seconds: the limit, positive; None for no limit.
        what: what the block does, for the sentence.
        whole: whether the item that a worker works on is lost with the block.

    Raises:
        TimeLimitReached: in the block, when its time is up.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, frame: FrameType | None) -> None:
        if _loses_exceptions(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
            return
        raise TimeLimitReached

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    previous = signal.signal(signal.SIGALRM, stop)
    with _ended_after(seconds, what, whole=whole):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)  # drops one that was blocked
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            signal.signal(signal.SIGALRM, previous)
