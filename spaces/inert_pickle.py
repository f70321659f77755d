"""Read a pickle of plain records without running anything that it names."""

from __future__ import annotations

import gc
import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from untrained.foundation import MalformedInput, UserError
from untrained.spaces.inert_arrays import InertArray, InertDtype, inert_reconstruct, inert_scalar

_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def _latin1(text: str, encoding: str) -> bytes:
    """What newer pickles call for the bytes of an old one; other encodings are none of a file's."""
    if encoding != "latin1":
        raise ValueError(f"a text is encoded as {encoding}")
    return text.encode(encoding)


PLAIN: Mapping[tuple[str, str], Any] = MappingProxyType(
    {
        ("_codecs", "encode"): _latin1,
        ("collections", "OrderedDict"): OrderedDict,
        ("numpy", "dtype"): InertDtype,
        ("numpy", "ndarray"): InertArray,
        ("numpy.core.multiarray", "scalar"): inert_scalar,
        ("numpy._core.multiarray", "scalar"): inert_scalar,
        ("numpy.core.multiarray", "_reconstruct"): inert_reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): inert_reconstruct,
    }
)
"""Containers, numbers and arrays of official files; making one runs nothing of their choice.

An array is read with `numpy.asarray`."""


def load_inert(path: Path, *, records: Collection[tuple[str, str]]) -> Any:
    """The object in a pickle, the instances of its classes replaced by empty shells.

    A pickle is a program; the only objects this one can call are shells without behaviour, made
    anew for each file. A record keeps its attributes in `vars(record)`.

    Args:
        path: the file.
        records: (module, qualified name) of each class whose instances it may hold.

    Raises:
        MalformedInput: the file names anything else, or is no pickle, or is damaged.
    """
    try:
        with path.open("rb") as file:
            return load_inert_stream(file, path, records=records)
    except OSError as error:
        raise _refused(path, f"{type(error).__name__}: {error}") from error


def load_inert_stream(
    file: IO[bytes],
    path: Path,
    *,
    records: Collection[tuple[str, str]] = (),
    plain: Mapping[tuple[str, str], Any] = MappingProxyType({}),
    encoding: str = "ASCII",
) -> Any:
    """The same of an open file, one that is decompressed while it is read for instance.

    Args:
        file: the stream.
        path: what messages call it.
        records: see `load_inert`.
        plain: what it may make beside them: classes that do nothing of the file's choice.
        encoding: of texts that Python 2 pickled; `bytes` leaves them undecoded.

    Raises:
        MalformedInput: see `load_inert`.
    """
    shells = {record: type("Record", (), {}) for record in records}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found = shells.get((module, name)) or plain.get((module, name))
            if found is None:
                allowed = ", ".join(sorted(".".join(record) for record in (*records, *plain)))
                raise _refused(
                    path,
                    f"it names {module}.{name}, which is not run; only {allowed or 'plain data'} "
                    "may occur in it",
                )
            return found

    collecting = gc.isenabled()
    gc.disable()  # nothing here is garbage, and looking for some triples the time
    try:
        content = file.read()
        _check_memo(content)
        return Unpickler(io.BytesIO(content), encoding=encoding).load()
    except UserError:
        raise
    except Exception as error:  # a damaged pickle fails in every way there is
        raise _refused(path, f"{type(error).__name__}: {error}") from error
    finally:
        if collecting:
            gc.enable()


def _check_memo(content: bytes) -> None:
    """Refuse places in the memo beyond the file's length: memory is taken for all before them.

    Raises:
        ValueError: there is one, or the pickle is damaged.
    """
    for code, place, _ in pickletools.genops(content):
        if code.name in _PUTS and isinstance(place, int) and place > len(content):
            raise ValueError(f"it asks for a memo of {place:,} objects, more than it has bytes")


def _refused(path: Path, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the pickle {path} was to be read, but it is not what it should be: {reason}; "
        "replace the file by an unchanged copy (for a package: pip install --force-reinstall)"
    )
