"""Pickles of numbers come back as they were; one that wants more is refused before it has it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from untrained.foundation import MalformedInput
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream

NUMBERS = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?"),
    arrays.complex_number_dtypes(endianness="?"),
)


def loaded(content: bytes, encoding: str = "ASCII") -> Any:
    return load_inert_stream(io.BytesIO(content), Path("f.pickle"), plain=PLAIN, encoding=encoding)


@given(
    array=NUMBERS.flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0))),
    protocol=st.integers(0, 4),
    transposed=st.booleans(),
)
def test_arrays_come_back_as_they_were(array: np.ndarray, protocol: int, transposed: bool) -> None:
    array = array.T if transposed else array
    found = np.asarray(loaded(pickle.dumps({"data": array}, protocol=protocol))["data"])
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("kind", ["?", "i1", "u8", "f2", "f4", ">f8", "c16"])
def test_single_numbers_come_back_as_they_were(kind: str) -> None:
    number = np.array([3], dtype=kind)[0]
    found = loaded(pickle.dumps(number, protocol=2))
    assert type(found) is type(number)
    assert found == number


def test_a_pickle_of_python_2_has_undecoded_texts() -> None:
    array = np.array([[1, 200], [3, 4]], dtype=np.uint8)
    # as protocol 2 of Python 2 writes it: every text is a string of bytes
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02K\x02\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x01\xc8\x03\x04tb."
    )
    np.testing.assert_array_equal(np.asarray(loaded(content, "bytes")), array)


# an array of objects whose type says that it has none: the bytes become a pointer
POINTER = (
    b"\x80\x04cnumpy\nndarray\n(K\x01\x85cnumpy\ndtype\n(X\x02\x00\x00\x00O8\x89\x88tR"
    b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbC\x08AAAAAAAAtR."
)


def test_bytes_of_a_file_never_become_a_pointer() -> None:
    program = (
        "import sys; from pathlib import Path; from io import BytesIO; import numpy as np;"
        "from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream;"
        f"print(np.asarray(load_inert_stream(BytesIO({POINTER!r}), Path('f'), plain=PLAIN))[0])"
    )
    # in a process of its own: where the pickle is loaded, this ends in a segmentation fault
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "it has an array of the type 'O8', which is none of numbers" in done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (np.array([{}], dtype=object), "an array of the type 'O8'"),
        (np.zeros(1, dtype=[("a", "f4")]), "an array of the type 'V4'"),
        (np.array(["text"]), "an array of the type 'U4'"),
        (np.array(["2020"], dtype="M8[Y]"), "an array of the type 'M8'"),
        (np.float64, "it names numpy.float64"),
    ],
)
def test_arrays_of_other_things_are_refused(content: object, told: str) -> None:
    with pytest.raises(MalformedInput, match=told):
        loaded(pickle.dumps(content, protocol=4))


@pytest.mark.parametrize("left", [10, 60, 100, -1])
def test_a_cut_pickle_is_refused(left: int) -> None:
    with pytest.raises(MalformedInput, match=r"f\.pickle"):
        loaded(pickle.dumps(np.arange(3.0), protocol=4)[:left])


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\x7f", b"p2147483647\n"])
def test_a_memo_larger_than_the_file_is_refused_before_memory_is_taken_for_it(put: bytes) -> None:
    with pytest.raises(MalformedInput, match="a memo of 2,147,483,647 objects"):
        loaded(b"]" + put + b".")


@given(place=st.integers(0, 160), byte=st.integers(0, 255))
def test_a_damaged_byte_is_an_error_or_another_number(place: int, byte: int) -> None:
    content = bytearray(pickle.dumps([np.arange(3.0), np.float32(2)], protocol=4))
    content[place % len(content)] = byte
    try:
        np.asarray(loaded(bytes(content))[0])
    except (MalformedInput, TypeError, IndexError, KeyError, ValueError):
        return
