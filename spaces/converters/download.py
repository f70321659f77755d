"""Sources of official files and their download."""

from __future__ import annotations

import hashlib
import http.client
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from untrained.foundation import MalformedInput, MissingData, StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One published file."""

    file: str
    """Its name."""
    page: str
    """Where a person finds it."""
    licence: str
    citation: str
    address: str = ""
    """Where a program gets it; empty where there is no such address."""
    size: int | None = None
    """In bytes."""
    sha256: str = ""
    md5: str = ""
    note: str = ""

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Algorithm and hexadecimal digest, where one is known."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None


@cache
def sources() -> Mapping[str, Source]:
    """The published files by the name that they are converted under."""
    text = files("untrained.spaces.converters").joinpath("sources.toml").read_text("utf-8")
    return MappingProxyType({name: Source(**entry) for name, entry in tomllib.loads(text).items()})


_BLOCK = 1 << 18
_TIMEOUT_S = 60.0
_COMPLETE, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


def download(
    source: Source,
    folder: Path,
    *,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Path:
    """Get a file, or the rest of it after an interrupted download.

    What has come so far lies in `<file>.part`; the file has its name only once it is complete and
    its size and checksum are those that are published.

    Args:
        progress: told the bytes there are and, if the server says so, the bytes there will be.

    Returns:
        The file, which is left alone if it is there and right.

    Raises:
        MissingData: there is no address, the server cannot be reached or has no such file.
        MalformedInput: what came is not the published file; it is deleted.
        StorageError: it cannot be written; what there is stays for the next attempt.
    """
    path = folder / source.file
    if path.exists():
        _verify(source, path)
        return path
    if not source.address:
        raise MissingData(
            f"{source.file} cannot be downloaded by a program; get it from {source.page} "
            f"and put it into {folder}"
        )
    part = path.with_name(path.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _receive(source, part, progress)
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
    ) as error:
        have = part.stat().st_size if part.exists() else 0
        kept = f"; {have:,} bytes are kept, the same command goes on from there" if have else ""
        raise MissingData(
            f"{source.file} cannot be downloaded from {urlsplit(source.address).netloc} "
            f"({_reason(error)}){kept}; else get it from {source.page} and put it into {folder}"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{part} cannot be written ({error.strerror or error}); make room or name another "
            "folder with --output; the same command goes on from what is there"
        ) from error
    _verify(source, part)
    part.replace(path)
    return path


def _receive(source: Source, part: Path, progress: Callable[[int, int | None], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    if source.size is not None and have == source.size:
        return
    scheme = urlsplit(source.address).scheme
    if scheme not in ("http", "https"):
        raise urllib.error.URLError(f"{scheme} is no web address")
    request = urllib.request.Request(source.address, headers={"User-Agent": "untrained"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        # the server has nothing beyond what is there: the checksum will tell
        if error.code == _NOT_SATISFIABLE and have:
            return
        raise
    with response, part.open("ab" if response.status == _PARTIAL else "wb") as file:
        if response.status == _COMPLETE:
            have = 0  # it cannot resume and sends everything
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else source.size
        progress(have, total)
        while block := _next_block(response):
            file.write(block)
            have += len(block)
            progress(have, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _next_block(response: http.client.HTTPResponse) -> bytes:
    """What comes next; empty at the end.

    Raises:
        URLError: the connection failed, and not the file that is written.
    """
    try:
        return response.read(_BLOCK)
    except OSError as error:
        raise urllib.error.URLError(error) from error


def _verify(source: Source, path: Path) -> None:
    told = None
    size = path.stat().st_size
    if source.size is not None and size != source.size:
        told = f"has {size:,} bytes instead of {source.size:,}"
    elif source.checksum is not None:
        algorithm, expected = source.checksum
        with path.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if found != expected:
            told = f"has the {algorithm} {found} instead of {expected}"
    if told is None:
        return
    if path.suffix == ".part":
        path.unlink()
        raise MalformedInput(
            f"what came as {source.file} {told} and was deleted; try again, or get it from "
            f"{source.page}"
        )
    raise MalformedInput(
        f"{path} {told}, so it is not the published file; delete it and fetch it again"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, http.client.IncompleteRead):
        return f"it broke off {error.expected:,} bytes before the end"
    return str(error) or type(error).__name__
