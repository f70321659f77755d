"""JSON files that others wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile, is_zipfile

from untrained.foundation import MalformedInput

_OF_CONTENT = (
    AttributeError,
    LookupError,
    MalformedInput,  # a search space's, about an architecture
    RecursionError,
    TypeError,
    ValueError,
)


def parse_json(data: bytes, name: str) -> Any:
    """The content of a file; NaN and infinities are read, as Python writes them.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON: {error}") from error


def load_json(path: Path) -> Any:
    """The content of a file.

    Raises:
        ValueError: it is no JSON; the message names the file.
    """
    return parse_json(path.read_bytes(), path.name)


def json_files(path: Path, names: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """JSON files of a file, of a folder or of a zip archive, wherever in it they lie, by name.

    Args:
        names: those that are wanted, without folders; all by default. Others are not read.

    Returns:
        Name without folders and content, in the order of their paths.

    Raises:
        ValueError: one that is wanted is no JSON.
    """
    wanted = None if names is None else set(names)

    def chosen(name: str) -> bool:
        # archives made on a Mac have a shadow of each file
        hidden = name.startswith(("._", "__MACOSX"))
        return name.endswith(".json") and not hidden and (wanted is None or name in wanted)

    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            if file.is_file() and chosen(file.name):
                yield file.name, load_json(file)
    elif is_zipfile(path):
        with ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                name = PurePosixPath(member).name
                if chosen(name):
                    yield name, parse_json(archive.read(member), member)
    else:
        yield path.name, load_json(path)


@contextmanager
def record(where: str) -> Iterator[None]:
    """Tells where in the files a record is that cannot be read.

    Raises:
        ValueError: the body failed on the record's content.
    """
    try:
        yield
    except _OF_CONTENT as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{where}: {what}") from error
