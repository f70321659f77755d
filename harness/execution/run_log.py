"""The log of runs: one JSON object a line, and what its lines say about the runs."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from untrained.foundation import StorageError
from untrained.harness.execution.progress import Progress
from untrained.results import Score
from untrained.results.store.disk import is_gone

SECONDS_BETWEEN_LINES = 5.0
_LONGEST_REASON = 500
_MOST_RUNS = 100

FIELDS = {
    "start": ("command", "version", "host", "pid", "wanted", "stored"),
    "progress": ("done", "failed", "workers"),
    "failure": ("space", "architecture", "indicator", "seed", "status", "reason", "worker"),
    "warning": ("text",),
    "end": ("outcome", "done", "failed", "workers"),
}
"""Fields of each kind of event, besides `event`, `run`, `time` and `elapsed_s`."""


def log_path(store: Path) -> Path:
    """Name the log of a store: `scores.sqlite.jsonl` beside `scores.sqlite`."""
    return store.with_name(f"{store.name}.jsonl")


class LoggedProgress(Progress):
    """Writes a log of a run, and passes everything on to another progress.

    Durations and rates are those of a monotonic clock: they stand when the clock of the machine
    is set. A log that cannot be written any more is given up with a warning; the run goes on.
    """

    def __init__(
        self,
        shown: Progress,
        path: Path,
        *,
        command: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the log, at whose end lines are added.

        Args:
            shown: what else is told.
            command: repeats the run.

        Raises:
            StorageError: the log cannot be opened.
        """
        self._shown, self._clock, self._command = shown, clock, command
        self._run = secrets.token_hex(4)
        self._began = self._wrote = clock()
        self._done = self._failed = 0
        self._workers: Counter[str] = Counter()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIO | None = path.open("a", encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"cannot write the log {str(path)!r}: {error.strerror}. Name another file with "
                "--log."
            ) from error

    @contextmanager
    def running(self, *, total: int, done_before: int) -> Iterator[None]:
        """See `Progress`."""
        self._write(
            "start",
            command=self._command,
            version=version("untrained"),
            host=socket.gethostname(),
            pid=os.getpid(),
            wanted=done_before + total,
            stored=done_before,
        )
        outcome = "finished"
        try:
            with self._shown.running(total=total, done_before=done_before):
                yield
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt | GeneratorExit)
            outcome = "interrupted" if stopped else f"failed: {error}"[:_LONGEST_REASON]
            raise
        finally:
            self._write("end", outcome=outcome, **self._counts())
            self.close()

    def record(self, scores: Sequence[Score], worker: str) -> None:
        """See `Progress`."""
        self._shown.record(scores, worker)
        self._workers[worker] += len(scores)
        for score in scores:
            if score.status != "ok":
                names = FIELDS["failure"][:-2]
                fields = {name: getattr(score, name) for name in names}
                self._write(
                    "failure", **fields, reason=score.reason[:_LONGEST_REASON], worker=worker
                )

    def advance(self, scores: int, failures: int) -> None:
        """See `Progress`."""
        self._shown.advance(scores, failures)
        self._done += scores
        self._failed += failures
        if self._clock() - self._wrote >= SECONDS_BETWEEN_LINES:
            self._wrote = self._clock()
            self._write("progress", **self._counts())

    def warn(self, text: str) -> None:
        """See `Progress`."""
        self._shown.warn(text)
        self._write("warning", text=text)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what is lost was warned of
                file.close()

    def _counts(self) -> dict[str, Any]:
        return {"done": self._done, "failed": self._failed, "workers": dict(self._workers)}

    def _write(self, event: str, **fields: Any) -> None:
        if self._file is None:
            return
        assert tuple(fields) == FIELDS[event], fields
        line = {
            "event": event,
            "run": self._run,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "elapsed_s": round(self._clock() - self._began, 3),
            **fields,
        }
        try:
            # in one piece: another run may write to the same file
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            path = self._file.name
            self.close()
            self._shown.warn(f"cannot write the log {path!r}: {error.strerror}. The run goes on.")


@dataclass
class RunState:
    """What the log says of one run."""

    run: str
    command: str = ""
    host: str = ""
    pid: int = 0
    wanted: int = 0
    stored: int = 0
    """Scores that were there before."""
    done: int = 0
    failed: int = 0
    elapsed_s: float = 0.0
    heard: str = ""
    """Time of the last line."""
    workers: dict[str, int] = field(default_factory=dict)
    """Scores by worker."""
    outcome: str | None = None
    """`finished`, `interrupted` or `failed: ...`; None: there is no line about the end."""

    @property
    def rate(self) -> float:
        """Scores a second; 0 where none is known."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None where nobody knows."""
        rest = self.wanted - self.stored - self.done
        return None if self.rate == 0 else max(rest, 0) / self.rate

    @property
    def is_running(self) -> bool:
        """Tell whether the run may be at work: of other machines only their silence is known."""
        here = self.host == socket.gethostname()
        return self.outcome is None and not (here and is_gone(self.pid))


def read_log(path: Path) -> list[RunState]:
    """Read the state of the last runs in a log, in the order in which they began.

    Lines that are no events, such as the last one of a killed run, are left out.

    Raises:
        StorageError: the file cannot be read.
    """
    states: dict[str, RunState] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for event in map(_event, file):
                if event is None:
                    continue
                state = states.setdefault(event["run"], RunState(event["run"]))
                _take(state, event)
                if len(states) > _MOST_RUNS:
                    del states[next(iter(states))]
    except OSError as error:
        raise StorageError(
            f"cannot read the log {str(path)!r}: {error.strerror}. Name the log of the run with "
            "--log."
        ) from error
    return list(states.values())


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    kind, run = event.get("event"), event.get("run")
    return event if isinstance(kind, str) and kind in FIELDS and isinstance(run, str) else None


_KINDS: dict[str, type] = {
    **dict.fromkeys(("command", "host", "outcome"), str),
    **dict.fromkeys(("pid", "wanted", "stored", "done", "failed"), int),
}


def _take(state: RunState, event: dict[str, Any]) -> None:
    elapsed, workers = event.get("elapsed_s"), event.get("workers")
    if isinstance(elapsed, int | float) and 0 <= elapsed < sys.float_info.max:
        state.elapsed_s = float(elapsed)
    if isinstance(event.get("time"), str):
        state.heard = event["time"]
    for name in FIELDS[event["event"]]:
        if name in _KINDS and type(event.get(name)) is _KINDS[name]:
            setattr(state, name, event[name])
    if isinstance(workers, dict) and all(type(count) is int for count in workers.values()):
        state.workers = workers
