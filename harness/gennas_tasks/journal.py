"""What a task search has measured, on disk line by line, so that a killed one goes on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from untrained.foundation import MalformedInput, StorageError, UserError


class Journal:
    """Losses by task and network in a file of JSON lines; the first line says what they are of.

    A search with the same settings takes the same way, so that it meets the losses it has
    measured before and needs nothing else to go on. A line that a kill has cut off is dropped.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open a journal or begin one.

        Raises:
            UserError: the file is of a search with other settings.
            MalformedInput: the file is no journal.
            StorageError: it cannot be read or written.
        """
        self._path = path
        self._losses: dict[tuple[str, str], tuple[float, float]] = {}
        self._file: IO[str]
        header = json.dumps({"untrained": "task search", **settings}, sort_keys=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = self._read(header) if path.exists() else 0
            self._file = path.open("a", encoding="utf-8")
            self._file.truncate(whole)
            if not whole:
                self._write(header)
        except OSError as error:
            raise StorageError(f"the journal {path} cannot be opened: {error}") from error

    def __enter__(self) -> Journal:
        """Use it as a context manager to have it closed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        """How many losses there are."""
        return len(self._losses)

    def get(self, task: str, architecture: str) -> tuple[float, float] | None:
        """Loss and seconds, or None where it has not been measured."""
        return self._losses.get((task, architecture))

    def add(self, task: str, architecture: str, loss: float, seconds: float) -> None:
        """Keep one loss; it is on disk when this returns.

        Args:
            loss: infinite where the training diverged.

        Raises:
            StorageError: it cannot be written.
        """
        self._losses[task, architecture] = loss, seconds
        line = {
            "task": task,
            "architecture": architecture,
            "loss": loss if math.isfinite(loss) else None,
            "seconds": round(seconds, 3),
        }
        try:
            self._write(json.dumps(line))
        except OSError as error:
            raise StorageError(
                f"the journal {self._path} cannot be written: {error}; what is in it is kept: make "
                "room and run the same command again"
            ) from error

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, header: str) -> int:
        """Read the losses; the number of bytes of whole lines."""
        whole = 0
        with self._path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    text = raw.decode("utf-8").rstrip("\n")
                    if not raw.endswith(b"\n"):
                        if number == 1 and not header.startswith(text):
                            raise ValueError
                        break
                    if number == 1:
                        self._compare(text, header)
                    else:
                        row = json.loads(text)
                        loss = math.inf if row["loss"] is None else float(row["loss"])
                        key = row["task"], row["architecture"]
                        self._losses[key] = loss, float(row["seconds"])
                except (ValueError, KeyError, TypeError) as error:
                    raise MalformedInput(
                        f"{self._path}, line {number}: no line of a task search's journal; take "
                        "another file, or delete this one"
                    ) from error
                whole += len(raw)
        return whole

    def _compare(self, text: str, header: str) -> None:
        there, wanted = json.loads(text), json.loads(header)
        if not isinstance(there, dict) or there.get("untrained") != wanted["untrained"]:
            raise ValueError
        if there != wanted:
            other = [
                f"{key} = {there.get(key)!r} there, {wanted.get(key)!r} here"
                for key in sorted({*there, *wanted})
                if there.get(key) != wanted.get(key)
            ]
            raise UserError(
                f"the journal {self._path} is of a search with other settings: "
                f"{'; '.join(other)}; give the same options, or another --output"
            )
