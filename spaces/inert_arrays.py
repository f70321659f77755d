"""What stands for numpy in a pickle that is not trusted: numbers and arrays of numbers, no more.

numpy's own types take their inner state from a pickle unchecked: a file that clears one flag of
the type of objects turns bytes of its choice into pointers. The stand-ins take name, byte order,
shape and bytes, and let numpy make the array of these.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = re.compile("[biufc][0-9]{1,2}")


class InertDtype:
    """Stands for `numpy.dtype`."""

    __slots__ = ("dtype",)

    def __init__(self, code: str | bytes, align: object = False, copy: object = True) -> None:
        """Numpy's arguments, of which the first counts.

        Args:
            code: such as `f8`.
            align: of a record, without effect.
            copy: without effect.

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
        return np.array(self._array, dtype=dtype, copy=copy)


def inert_reconstruct(kind: object, shape: object, code: object) -> InertArray:
    """Stands for the function that pickles of arrays begin with.

    Args:
        kind: of array.
        shape: without effect, as the state has another.
        code: without effect too.

    Raises:
        ValueError: it is another kind of array.
    """
    del shape, code
    if kind is not InertArray:
        raise ValueError("it has an array of a kind of its own")
    return InertArray()


def inert_scalar(dtype: InertDtype, data: bytes) -> Any:
    """Stands for the function that makes numpy's single numbers.

    Args:
        dtype: its type.
        data: its bytes.

    Raises:
        ValueError: they do not fit, or are no bytes of a number.
    """
    if not isinstance(dtype, InertDtype) or not isinstance(data, bytes):
        raise ValueError("it has a number without type or bytes")
    (number,) = np.frombuffer(data, dtype.dtype)
    return number


def _text(given: str | bytes) -> str:
    """Text of a pickle of Python 3, or of one of Python 2 whose texts are left undecoded."""
    return given.decode("ascii") if isinstance(given, bytes) else str(given)
