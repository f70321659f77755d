"""NAS-Bench-101's files `nasbench_only108.tfrecord` and `nasbench_full.tfrecord`.

Ying et al., "NAS-Bench-101", ICML 2019. A record is a JSON list: hash of the cell, epochs,
adjacency matrix (digits, row by row), operations (separated by commas) and, in base64, a protocol
buffer with evaluations at the start, half way and at the end. Both are read without TensorFlow: a
TFRecord is length (8 bytes, little endian), its masked CRC-32C (4), the data, their masked CRC (4).
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from untrained.spaces.converters.conversion import Value, converter

_MASK_DELTA = 0xA282EAD8
_WIDEST = 1 << 20  # bytes a record may have; the benchmark's have under 2,000


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901
        table.append(byte)
    return table


_TABLE = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """The checksum that TFRecord keeps of a text, as an unsigned 32-bit number."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def records(path: Path) -> Iterator[bytes]:
    """The records of a file.

    The checksum of every length is verified, which finds a cut or shifted file. Those of the data
    are not: in Python that would take longer than everything else.

    Raises:
        ValueError: the file is cut off or is no TFRecord file.
    """
    with path.open("rb") as file:
        while head := file.read(12):
            at = file.tell() - len(head)
            if len(head) < 12:
                raise ValueError(f"it is cut off at byte {at}")
            length, checksum = struct.unpack("<QI", head)
            if masked_crc32c(head[:8]) != checksum or length > _WIDEST:
                raise ValueError(f"there is no TFRecord at byte {at}")
            data = file.read(length)
            if len(data) < length or len(file.read(4)) < 4:
                raise ValueError(f"it is cut off in the record at byte {at}")
            yield data


Field = int | float | bytes


def fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """The fields of a protocol buffer message: (number, value), in their order.

    Args:
        message: in wire format, of varints, 64-bit doubles and texts.

    Yields:
        A varint as int, a 64-bit field as float, a length-delimited one as bytes.

    Raises:
        ValueError: another wire type, or the message is cut off.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind == 1:
            if at + 8 > len(message):
                raise ValueError("a message is cut off in a number")
            yield number, struct.unpack_from("<d", message, at)[0]
            at += 8
        elif kind == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("a message is cut off in a text")
            yield number, message[at : at + length]
            at += length
        else:
            raise ValueError(f"a message has a field of the unknown wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a message is cut off in a whole number")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


_DIGITS = {"conv3x3-bn-relu": "0", "conv1x1-bn-relu": "1", "maxpool3x3": "2"}
_EVALUATION, _PARAMETERS = 1, 2
_TIME, _VALID, _TEST = 2, 4, 5
_FINAL = 2


@converter(
    "nasbench101",
    title="NAS-Bench-101",
    takes="nasbench_only108.tfrecord (108 epochs) or nasbench_full.tfrecord (4, 12, 36, 108)",
    note="accuracy in percent at the end of the training; runs are numbered in the file's order",
)
def read(path: Path) -> Iterator[Value]:
    """Three runs a cell and length of training; the parameter count once."""
    runs: Counter[tuple[str, int]] = Counter()
    for record in records(path):
        _, epochs, adjacency, operations, metrics = json.loads(record)
        text = _text(adjacency, operations.split(","))
        if not any(runs[text, length] for length in (4, 12, 36, 108)):
            yield Value(text, "cifar10", "params_millions", 0, -1, _parameters(metrics) / 1e6)
        run = runs[text, epochs]
        runs[text, epochs] += 1
        seconds, valid, test = _final_evaluation(metrics)
        yield Value(text, "cifar10", "valid_accuracy", epochs, run, 100 * valid)
        yield Value(text, "cifar10", "test_accuracy", epochs, run, 100 * test)
        yield Value(text, "cifar10", "train_time_s", epochs, run, seconds)


def _text(adjacency: str, operations: list[str]) -> str:
    """Digits of the inner vertices, a colon, the strict upper triangle of the matrix."""
    n = len(operations)
    if len(adjacency) != n * n:
        raise ValueError(f"a matrix of {len(adjacency)} entries stands for {n} vertices")
    if "1" in (adjacency[row * n + column] for row in range(n) for column in range(row + 1)):
        raise ValueError("a matrix has an edge that goes backwards")
    upper = "".join(adjacency[row * n + row + 1 : (row + 1) * n] for row in range(n))
    return "".join(_DIGITS[name] for name in operations[1:-1]) + ":" + upper


def _parameters(metrics: str) -> float:
    found = [v for number, v in fields(base64.b64decode(metrics)) if number == _PARAMETERS]
    (count,) = found
    return float(count)


def _final_evaluation(metrics: str) -> tuple[float, float, float]:
    """Seconds of training, validation and test accuracy in [0, 1] at the end."""
    evaluations = [v for number, v in fields(base64.b64decode(metrics)) if number == _EVALUATION]
    final = evaluations[_FINAL]
    if not isinstance(final, bytes):
        raise TypeError("an evaluation is no message")
    numbers = {number: float(v) for number, v in fields(final) if isinstance(v, int | float)}
    return (
        numbers.get(_TIME, math.nan),
        numbers.get(_VALID, math.nan),
        numbers.get(_TEST, math.nan),
    )
