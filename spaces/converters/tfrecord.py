"""Reading TFRecord files and protocol buffers without TensorFlow: just what NAS-Bench-101 uses.

TFRecord: length (8 bytes, little endian), its masked CRC-32C (4), the data, their masked CRC (4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

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
