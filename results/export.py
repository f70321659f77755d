"""A frame as a file: CSV or Parquet, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from untrained.foundation import MalformedInput, StorageError


def write_frame(frame: pd.DataFrame, path: Path, *, metadata: Mapping[str, Any]) -> Path:
    """Write a frame in the format that the suffix names.

    Args:
        frame: plain columns; the index is left out.
        path: ends in `.csv` or `.parquet`; folders above it are made.
        metadata: JSON-ready values for the schema metadata of Parquet; CSV has no place for them.

    Returns:
        The path.

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
    return path


def _write_parquet(frame: pd.DataFrame, path: Path, metadata: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    schema = dict(table.schema.metadata or {})
    for name, value in metadata.items():
        schema[name.encode()] = json.dumps(value, sort_keys=True).encode()
    pq.write_table(table.replace_schema_metadata(schema), path)
