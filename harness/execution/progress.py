"""How far a run is: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TextIO

from untrained.results import Score

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Receives the number of scores and the finished ones. This base class shows nothing."""

    def running(self, *, total: int, done_before: int) -> AbstractContextManager[None]:
        """Show progress while the block runs."""
        return nullcontext()

    def record(self, scores: Sequence[Score], worker: str) -> None:
        """Receive the scores of one network, which are stored, and the worker they come from."""

    def advance(self, scores: int, failures: int) -> None:
        """Count some more scores, of which so many failed."""

    def warn(self, text: str) -> None:
        """Show a warning, before the block that runs."""


class PlainProgress(Progress):
    """A line every ten seconds and one at the end, for files and pipes."""

    def __init__(
        self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Say where lines go, by default to standard error, and which clock counts seconds."""
        self._stream = stream
        self._clock = clock
        self._last = ""

    @contextmanager
    def running(self, *, total: int, done_before: int) -> Iterator[None]:
        """See `Progress`."""
        self._total, self._done, self._failures = total, 0, 0
        self._began = self._spoke = self._clock()
        before = f" ({done_before} are stored already)" if done_before else ""
        self._say(f"{total} scores to do{before}")
        try:
            yield
        finally:
            self._say(self._line())

    def advance(self, scores: int, failures: int) -> None:
        """See `Progress`."""
        self._done += scores
        self._failures += failures
        if self._clock() - self._spoke >= SECONDS_BETWEEN_LINES:
            self._spoke = self._clock()
            self._say(self._line())

    def warn(self, text: str) -> None:
        """See `Progress`."""
        self._say(f"untrained: {text}")

    def _line(self) -> str:
        seconds = self._clock() - self._began
        parts = [f"{self._done}/{self._total} scores", f"{duration(seconds)}"]
        if self._done and seconds > 0:
            rate = self._done / seconds
            parts.append(f"{rate:.1f} scores/s")
            if self._done < self._total:
                parts.append(f"{duration((self._total - self._done) / rate)} left")
        if self._failures:
            parts.append(f"{self._failures} failed")
        return ", ".join(parts)

    def _say(self, line: str) -> None:
        if line != self._last:
            with suppress(OSError, ValueError):  # nobody reads any more: the run goes on
                print(line, file=self._stream or sys.stderr, flush=True)
        self._last = line


class BarProgress(Progress):
    """A bar with rate and time left, for a terminal."""

    def warn(self, text: str) -> None:
        """See `Progress`."""
        with suppress(OSError):
            print(f"untrained: {text}", file=sys.stderr)

    @contextmanager
    def running(self, *, total: int, done_before: int) -> Iterator[None]:
        """See `Progress`."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        self._failures = 0
        columns = (
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
        )
        self._bar = Bar(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task(
            "scores", total=done_before + total, completed=done_before, rate="", failed=""
        )
        self._began, self._done = time.monotonic(), 0
        try:
            with suppress(OSError):  # here and below: the terminal was closed, the run goes on
                self._bar.start()
            yield
        finally:
            with suppress(OSError):
                self._bar.stop()

    def advance(self, scores: int, failures: int) -> None:
        """See `Progress`."""
        self._done += scores
        self._failures += failures
        seconds = max(time.monotonic() - self._began, 1e-9)
        failed = f"{self._failures} failed" if self._failures else ""
        rate = f"{self._done / seconds:.1f}/s"
        with suppress(OSError):
            self._bar.update(self._task, advance=scores, rate=rate, failed=failed)


def make_progress() -> Progress:
    """A bar if standard error is a terminal, else plain lines."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress()


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(7.2), duration(75), duration(7384)
    ('7 s', '1 min 15 s', '2 h 3 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
