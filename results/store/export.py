"""Frames of scores as CSV or Parquet files, written and read whole."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, StorageError, suggest
from untrained.results.store.database import COLUMNS
from untrained.results.store.score import Environment, Score

if TYPE_CHECKING:
    import pandas as pd


def write_frame(frame: pd.DataFrame, path: Path, *, metadata: Mapping[str, Any]) -> Path:
    """Write a frame in the format that the suffix names.

    Args:
        path: ends in `.csv` or `.parquet`; folders above it are made.
        metadata: JSON-ready values for the schema metadata of Parquet; CSV has no place for them.

    Raises:
        MalformedInput: another suffix.
        StorageError: the file cannot be written; what was there before is kept.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise MalformedInput(
            f"cannot export to {str(path)!r}: the suffix {path.suffix!r} names no known format; "
            "there are: .csv, .parquet; name the file accordingly"
        )
    # written beside its place and moved there, so that nobody ever reads half a file
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".csv":
            frame.to_csv(part, index=False, lineterminator="\n")
        else:
            _write_parquet(frame, part, metadata)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StorageError(
            f"cannot export to {str(path)!r}: {error.strerror or error}; what was there before "
            "is kept; make room, or choose a folder you can write to"
        ) from error
    except BaseException:  # the interruption of a process that goes on
        part.unlink(missing_ok=True)
        raise
    return path


def spreadsheet_cell(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run as a formula.

    >>> [spreadsheet_cell(value) for value in ("=1+1", "@x", "naswot", "-0.5", -0.5)]
    ["'=1+1", "'@x", 'naswot', '-0.5', -0.5]
    """
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _write_parquet(frame: pd.DataFrame, path: Path, metadata: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    schema = dict(table.schema.metadata or {})
    for name, value in metadata.items():
        schema[name.encode()] = json.dumps(value, sort_keys=True).encode()
    table = table.replace_schema_metadata(schema)
    pq.write_table(table, path, compression="zstd", compression_level=9)


@dataclass(frozen=True, slots=True)
class ExportedScores:
    """Contents of a Parquet file that `ScoreStore.export` wrote."""

    path: Path
    frame: pd.DataFrame
    """Columns of `COLUMNS`; `environment` is a key of `environments`."""
    protocols: dict[str, str]
    """Canonical JSON by digest."""
    environments: dict[int, Environment]

    def by_environment(self) -> Iterator[tuple[Environment, list[Score]]]:
        """Group the scores by environment.

        Raises:
            MalformedInput: a row is no score (a status that contradicts its value, say).
        """
        for number in sorted(set(self.frame["environment"])):
            rows = self.frame[self.frame["environment"] == number]
            try:
                yield self.environments[number], list(_scores(rows))
            except READ_ERRORS as error:
                raise MalformedInput(
                    f"cannot read the scores in {str(self.path)!r}: {error}; the file is not as "
                    "it was exported: export it anew, or restore a copy"
                ) from error


def read_export(path: Path) -> ExportedScores:
    """Read a Parquet file of scores.

    Args:
        path: what `ScoreStore.export` wrote, such as the `scores.parquet` of a run.

    Raises:
        MissingData: there is no such file.
        MalformedInput: it is damaged, or something else than exported scores.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        near = sorted(found.name for found in path.parent.glob("*.parquet"))
        raise MissingData(
            f"no exported scores at {str(path)!r}; in that folder {suggest(path.name, near)} "
            "(`untrained run` writes scores.parquet beside its report)"
        )
    try:
        table = pq.read_table(path)
        table.validate(full=True)  # texts that are no Unicode
        metadata = table.schema.metadata or {}
        stored = {key.decode(errors="replace"): text for key, text in metadata.items()}
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise _damaged(path, error, "no Parquet file") from error
    lacking = sorted(set(COLUMNS) - set(table.column_names))
    if lacking or "untrained.protocols" not in stored or "untrained.environments" not in stored:
        what = f"the columns {', '.join(lacking)}" if lacking else "what its protocols stand for"
        raise MalformedInput(
            f"{str(path)!r} holds no exported scores: it lacks {what}; "
            "name the scores.parquet of a run"
        )
    try:
        for name in sorted(COLUMNS.keys() - _OPTIONAL):
            if table[name].null_count:
                raise ValueError(f"its column {name} has empty entries")
        environments = _texts(stored["untrained.environments"])
        return ExportedScores(
            path=path,
            frame=_typed(table.to_pandas()),
            protocols=_texts(stored["untrained.protocols"]),
            environments={int(n): Environment.from_json(text) for n, text in environments.items()},
        )
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise _damaged(path, error, "not as it was exported") from error


_OPTIONAL = {"value", "alone_s", "peak_bytes", "representative"}


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns their types; pandas 2 would write a missing text as `None`."""
    typed = frame.astype(COLUMNS)
    for name in (name for name, dtype in COLUMNS.items() if dtype == "str"):
        absent = frame[name].isna()
        if absent.any():
            typed.loc[absent, name] = None
    return typed


def _texts(content: bytes) -> dict[str, str]:
    found = json.loads(content)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("its protocols or environments are no object of texts")
    return found


def _damaged(path: Path, error: BaseException, what: str) -> MalformedInput:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return MalformedInput(
        f"cannot read the scores in {str(path)!r}: {reason[:200]}; the file is damaged or {what}: "
        "restore a copy, or export the store again"
    )


def _scores(frame: pd.DataFrame) -> Iterator[Score]:
    names = [name for name in COLUMNS if name != "environment"]
    columns = {name: frame[name].tolist() for name in names}
    for optional in ("peak_bytes", "representative"):
        present = frame[optional].notna().tolist()
        pairs = zip(columns[optional], present, strict=True)
        columns[optional] = [value if there else None for value, there in pairs]
    columns["alone_s"] = frame["alone_s"].to_numpy(dtype="float64", na_value=math.nan).tolist()
    for values in zip(*columns.values(), strict=True):
        yield Score(**dict(zip(names, values, strict=True)))
