"""Tasks as TOML files: written by a search for tasks, read by whoever uses what it found."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput, MissingData, parse_toml, suggest
from untrained.indicators.regression.sequences import SequenceTask
from untrained.indicators.regression.tasks import Signal, Stage, Task

STEPS = 100
"""Of a training, where a file says nothing."""
_KINDS = ("sin1d", "sin2d", "dot", "gdot", "resize")
_NOISES = ("uniform", "gaussian")
_NUM_STAGES = 3


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A task and the number of training steps that it was found with."""

    task: Task | SequenceTask
    steps: int = STEPS

    @property
    def id(self) -> str:
        """Eight hexadecimal digits of what the task asks for."""
        return digest(self.task)


def digest(task: Task | SequenceTask) -> str:
    """Eight hexadecimal digits of a task's content, without its name and milestones."""
    fields = asdict(task)
    del fields["name"], fields["milestones"]
    kind = "images" if isinstance(task, Task) else "sequences"
    text = json.dumps({"kind": kind, **fields}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def task_text(found: TaskFile, *, comment: str = "") -> str:
    """The TOML text of a task; reading it gives the same task."""
    task = found.task
    lines = [*(f"# {line}".rstrip() for line in comment.splitlines())]
    kind = "images" if isinstance(task, Task) else "sequences"
    lines += [
        f'kind = "{kind}"',
        f"steps = {found.steps}",
        f'noise = "{task.noise}"',
        f"noise_level = {task.noise_level!r}",
    ]
    if isinstance(task, Task):
        for stage in task.stages:
            lines += ["", "[[stage]]", f"multiplier = {stage.multiplier!r}"]
            lines += _signals(stage.signals, "stage.signal")
    else:
        lines += [f"width = {task.width}"]
        lines += _signals(task.given, "given")
        lines += _signals(task.wanted, "wanted")
    return "\n".join(lines) + "\n"


def _signals(signals: tuple[Signal, ...], table: str) -> list[str]:
    lines = []
    for signal in signals:
        lines += ["", f"[[{table}]]", f'kind = "{signal.kind}"', f"level = {signal.level!r}"]
        if signal.frequencies:
            lines.append(f"frequencies = [{', '.join(map(repr, signal.frequencies))}]")
        if signal.kind in ("dot", "gdot"):
            lines.append(f"share = {signal.share!r}")
        if signal.kind != "resize":
            lines.append(f"local = {str(signal.local).lower()}")
    return lines


def read_task(path: Path) -> TaskFile:
    """The task in a file; its name is made of its content.

    Raises:
        MissingData: there is no such file.
        MalformedInput: it is no task; the message names the place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingData(
            f"the task {path} does not exist; untrained search-task makes such files"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedInput(f"the task {path} cannot be read: {error}") from error
    try:
        document = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedInput(f"{path}: not TOML: {error}; correct that and run again") from error
    try:
        return _Reader(str(path)).task_file(document)
    except (OverflowError, ValueError) as error:  # numbers whose product is out of range
        raise MalformedInput(
            f"{path}: it is no task: {error}; smaller numbers are expected"
        ) from error


def named(task: Task | SequenceTask) -> Task | SequenceTask:
    """The task with the name that files give it: its random draws depend on the name."""
    kind = "" if isinstance(task, Task) else "sequences, "
    return replace(task, name=f"{kind}found {digest(task)}", milestones=())


class _Reader:
    """Turns tables of a file into values; mistakes name the file and the key."""

    def __init__(self, place: str) -> None:
        self._place = place

    def task_file(self, document: Mapping[str, Any]) -> TaskFile:
        kind = self._word(document, "kind", ("images", "sequences"))
        own = ("stage",) if kind == "images" else ("width", "given", "wanted")
        self._known(document, ("kind", "steps", "noise", "noise_level", *own))
        noise: Any = self._word(document, "noise", _NOISES, "uniform")
        level = self._number(document, "noise_level", 0.0)
        steps = self._whole(document, "steps", STEPS)
        task: Task | SequenceTask
        if kind == "images":
            stages = [self._stage(table) for table in self._tables(document, "stage")]
            if len(stages) != _NUM_STAGES:
                raise self._wrong("stage", f"{len(stages)} tables; a task has {_NUM_STAGES}")
            task = Task("", (stages[0], stages[1], stages[2]), noise, level)
        else:
            given, wanted = (
                tuple(self._signal(table, key) for table in self._tables(document, key))
                for key in ("given", "wanted")
            )
            if any(signal.kind == "resize" for signal in (*given, *wanted)):
                raise self._wrong("kind", "'resize', which sequences do not have")
            task = SequenceTask("", given, wanted, self._whole(document, "width"), noise, level)
        return TaskFile(named(task), steps)

    def _stage(self, table: Mapping[str, Any]) -> Stage:
        self._known(table, ("multiplier", "signal"))
        signals = tuple(self._signal(one, "stage.signal") for one in self._tables(table, "signal"))
        multiplier = self._number(table, "multiplier", 1.0)
        stage = Stage(signals, multiplier)
        if stage.num_channels < 1:
            raise self._wrong("multiplier", f"{multiplier}, which leaves the target no channel")
        return stage

    def _signal(self, table: Mapping[str, Any], key: str) -> Signal:
        kind: Any = self._word(table, "kind", _KINDS)
        wave, dots = kind in ("sin1d", "sin2d"), kind in ("dot", "gdot")
        own = ("frequencies",) if wave else ("share",) if dots else ()
        local = () if kind == "resize" else ("local",)
        self._known(table, ("kind", "level", *own, *local))
        frequencies: tuple[float, ...] = ()
        if wave:
            listed = table.get("frequencies")
            if not isinstance(listed, list) or not listed:
                raise self._wrong(f"{key}.frequencies", "no list of numbers, which a wave needs")
            frequencies = tuple(self._of(one, f"{key}.frequencies") for one in listed)
        share = self._number(table, "share") if dots else 0.0
        if not 0 <= share <= 1:
            raise self._wrong(f"{key}.share", f"{share}; it should be between 0 and 1")
        is_local = table.get("local", True)
        if not isinstance(is_local, bool):
            raise self._wrong(f"{key}.local", f"{is_local!r}; it should be true or false")
        return Signal(kind, self._number(table, "level", 1.0), frequencies, share, is_local)

    def _tables(self, table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._wrong(key, f"no list of tables; write [[{key}]]")
        return found

    def _number(self, table: Mapping[str, Any], key: str, default: float | None = None) -> float:
        return self._of(table.get(key, default), key)

    def _of(self, value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, f"{value!r}; it should be a number")
        if not math.isfinite(value):
            raise self._wrong(key, f"{value!r}; it should be finite")
        return float(value)

    def _whole(self, table: Mapping[str, Any], key: str, default: int | None = None) -> int:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._wrong(key, f"{value!r}; it should be a whole number, at least 1")
        return value

    def _word(
        self, table: Mapping[str, Any], key: str, words: tuple[str, ...], default: str | None = None
    ) -> str:
        value = table.get(key, default)
        if value not in words:
            raise self._wrong(key, f"{value!r}; it should be one of {', '.join(words)}")
        return str(value)

    def _known(self, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in table:
            if key not in keys:
                raise self._wrong(key, f"no key of a task; {suggest(key, keys)}")

    def _wrong(self, key: str, what: str) -> MalformedInput:
        return MalformedInput(f"{self._place}: {key} is {what}")
