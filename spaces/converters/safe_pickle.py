"""A reader of foreign pickles that runs nothing of them."""

from __future__ import annotations

import gc
import io
import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, UserError

_NUMBERS = re.compile("[biufc][0-9]{1,2}")


class InertDtype:
    """Stands for `numpy.dtype`."""

    __slots__ = ("dtype",)

    def __init__(self, code: str | bytes, align: object = False, copy: object = True) -> None:
        """Numpy's arguments, of which the first counts, such as `f8`.

        Raises:
            ValueError: it is no type of numbers.
        """
        del align, copy
        text = _text(code)
        if not _NUMBERS.fullmatch(text):
            raise ValueError(f"it has an array of the type {text!r}, which is none of numbers")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order.

        Raises:
            ValueError: it is the state of a record.
        """
        _, order, *structure = state
        if any(part is not None for part in structure[:3]):
            raise ValueError("it has an array of records")
        self.dtype = self.dtype.newbyteorder(_text(order))  # type: ignore[arg-type]  # it checks


class InertArray:
    """Stands for `numpy.ndarray`; `numpy.asarray` makes one of it."""

    __slots__ = ("_array",)

    def __init__(self) -> None:
        """Empty, until the pickle gives the state."""
        self._array: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape and bytes.

        Raises:
            ValueError: they do not fit, or are no bytes of numbers.
        """
        *_, shape, dtype, column_major, data = state
        if not isinstance(dtype, InertDtype) or not isinstance(data, bytes):
            raise ValueError("it has an array without type or bytes")
        flat = np.frombuffer(data, dtype.dtype)
        self._array = flat.reshape(shape, order="F" if column_major else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The array; it cannot be written to unless it is a copy."""
        if copy is None:  # numpy 1 has no such value
            return np.asarray(self._array, dtype=dtype)
        return np.array(self._array, dtype=dtype, copy=copy)


def inert_reconstruct(kind: object, shape: object, code: object) -> InertArray:
    """Stands for the function that pickles of arrays begin with.

    Raises:
        ValueError: it is another kind of array.
    """
    del shape, code
    if kind is not InertArray:
        raise ValueError("it has an array of a kind of its own")
    return InertArray()


def inert_scalar(dtype: InertDtype, data: bytes | str) -> Any:
    """Stand for the function that makes numpy's single numbers; old pickles have Latin-1 texts.

    Raises:
        ValueError: they do not fit, or are no bytes of a number.
    """
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(dtype, InertDtype) or not isinstance(data, bytes):
        raise ValueError("it has a number without type or bytes")
    (number,) = np.frombuffer(data, dtype.dtype)
    return number


def _text(given: str | bytes) -> str:
    """Text of a pickle of Python 3, or of one of Python 2 whose texts are left undecoded."""
    return given.decode("ascii") if isinstance(given, bytes) else str(given)


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
