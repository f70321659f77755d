"""Turning official files into a table: checked, complete or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from untrained.foundation import MalformedInput, MissingData, StorageError, UserError
from untrained.spaces.benchmarks.benchmark_choice import data_folder
from untrained.spaces.converters.converter import Converter, Value, converters
from untrained.spaces.converters.table_writer import TableWriter, write_table
from untrained.spaces.framework.registry import spaces


@dataclass(frozen=True, slots=True)
class Converted:
    """A table that was written."""

    path: Path
    num_architectures: int
    num_values: int


def convert(
    name: str,
    source: Path,
    *,
    folder: Path | None = None,
    replace: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Converted:
    """Read official files and write the benchmark's table.

    Architectures are written in the notation of their search space. Beside the single training
    runs the table has their mean (seed -1). An existing table stays as it is unless the new one is
    complete.

    Args:
        source: the official file or folder.
        folder: data folder to write into; by default that of the user.
        replace: write over an existing table.
        progress: told the number of architectures read so far.

    Raises:
        UnknownName: no such converter.
        MissingData: the source is not there.
        UserError: there is a table already and `replace` is off.
        MalformedInput: the source is not what it should be; nothing is written.
        StorageError: the table cannot be written; nothing is left behind.
    """
    chosen = converters[name]
    if not source.exists():
        raise MissingData(f"{source} does not exist; {name} is converted from {chosen.takes}")
    path = (folder or data_folder()) / "tables" / f"{name}.parquet"
    if path.exists() and not replace:
        raise UserError(
            f"{path} exists already and would be written over; move it away, or say --replace"
        )
    writer = TableWriter()
    try:
        for value in _checked(chosen, source, progress):
            writer.add(value)
        if not writer.num_values:
            raise ValueError("it holds no value")
        table = writer.table(_provenance(chosen, source))
    except UserError:
        raise
    except Exception as error:  # foreign data fails in every way there is
        reason = str(error).strip().splitlines()
        raise MalformedInput(
            f"{source} was to be read as {chosen.title}, but it is not what it should be "
            f"({type(error).__name__}: {reason[0] if reason else 'no details'}); expected is "
            f"{chosen.takes}: get an undamaged copy"
        ) from error
    try:
        write_table(table, path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror or error}); nothing was left there; "
            "make room, or name another folder with --output"
        ) from error
    return Converted(path, writer.num_architectures, writer.num_values)


def _checked(chosen: Converter, source: Path, progress: Callable[[int], None]) -> Iterator[Value]:
    """The values, their architectures in the space's own notation."""
    space = spaces[chosen.space]
    known: dict[str, str] = {}
    for value in chosen.read(source):
        text = known.get(value.architecture)
        if text is None:
            try:
                text = known[value.architecture] = space.parse(value.architecture).text
            except MalformedInput as error:  # it does not know the file, the caller does
                raise ValueError(str(error)) from error
            progress(len(known))
        yield value._replace(architecture=text)


def _provenance(chosen: Converter, source: Path) -> str:
    return json.dumps(
        {
            "title": chosen.title,
            "kind": "tabular",
            "note": chosen.note,
            "source": source.name,
            "source_sha256": _digest(source),
        }
    )


def _digest(source: Path) -> str:
    """SHA-256 of a file; of a folder, that of its files' names and contents, in order."""
    total = hashlib.sha256()
    for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
        if not file.is_file():
            continue
        if source.is_dir():
            total.update(str(file.relative_to(source)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
