"""NAS-Bench-101's TFRecord file: its framing, its messages, and what is wrong with broken ones."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput
from untrained.spaces import Target
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import convert
from untrained.spaces.converters.nasbench101 import fields, masked_crc32c, records


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def evaluation(seconds: float, valid: float, test: float) -> bytes:
    doubles = {1: 108.0, 2: seconds, 3: 1.0, 4: valid, 5: test}
    message = b"".join(bytes([n << 3 | 1]) + struct.pack("<d", v) for n, v in doubles.items())
    return message + bytes([6 << 3 | 2]) + varint(4) + b"path"


def metrics(parameters: int, final: tuple[float, float, float]) -> str:
    parts = [evaluation(0, 0.1, 0.1), evaluation(5, 0.5, 0.5), evaluation(*final)]
    message = b"".join(b"\x0a" + varint(len(part)) + part for part in parts)
    message += b"\x10" + varint(parameters) + b"\x19" + struct.pack("<d", 9.0)
    return base64.b64encode(message).decode()


def frame(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return (
        head
        + struct.pack("<I", masked_crc32c(head))
        + data
        + struct.pack("<I", masked_crc32c(data))
    )


def row(epochs: int, final: tuple[float, float, float], parameters: int = 2_694_282) -> bytes:
    adjacency = "0101001000010000"
    operations = "input,conv3x3-bn-relu,maxpool3x3,output"
    return json.dumps(["hash", epochs, adjacency, operations, metrics(parameters, final)]).encode()


def test_the_checksum_is_castagnolis() -> None:
    # the check value of CRC-32C is 0xE3069283 for the digits 1 to 9
    crc = 0xE3069283
    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_records_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, data: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("records") / "file"
    path.write_bytes(b"".join(map(frame, data)))
    assert list(records(path)) == data


def test_a_file_in_the_official_structure(tmp_path: Path) -> None:
    source = tmp_path / "nasbench_full.tfrecord"
    rows = [
        row(4, (10.0, 0.50, 0.40)),
        row(4, (12.0, 0.54, 0.44)),
        row(108, (400.0, 0.94, 0.93)),
    ]
    source.write_bytes(b"".join(map(frame, rows)))
    done = convert("nasbench101", source, folder=tmp_path)
    table = read_table(done.path)
    text = "02:101101"
    assert done.num_architectures == 1
    assert table.series(Target("cifar10", "valid_accuracy", 4))[text] == pytest.approx(52.0)
    assert table.series(Target("cifar10", "test_accuracy", 108, 0))[text] == pytest.approx(93.0)
    assert table.series(Target("cifar10", "train_time_s", 4, 1))[text] == 12.0
    assert table.series(Target("cifar10", "params_millions"))[text] == pytest.approx(2.694282)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-20], "cut off"),
        (lambda data: data[:5], "cut off at byte 0"),
        (lambda data: b"\0" + data, "no TFRecord at byte 0"),
        (lambda data: b"not a record at all", "no TFRecord"),
    ],
)
def test_a_damaged_file_says_where(tmp_path: Path, damage: object, told: str) -> None:
    source = tmp_path / "nasbench_only108.tfrecord"
    source.write_bytes(damage(frame(row(108, (1.0, 0.9, 0.9)))))  # type: ignore[operator]
    with pytest.raises(MalformedInput, match=told):
        convert("nasbench101", source, folder=tmp_path)


def test_a_cell_with_a_backward_edge_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "nasbench_only108.tfrecord"
    cell = json.dumps(["h", 108, "0111", "input,output", metrics(1, (1.0, 0.9, 0.9))]).encode()
    source.write_bytes(frame(cell))
    with pytest.raises(MalformedInput, match="goes backwards"):
        convert("nasbench101", source, folder=tmp_path)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_message_or_an_error(message: bytes) -> None:
    try:
        found = list(fields(message))
    except ValueError as error:
        assert "message" in str(error)  # noqa: PT017
    else:
        assert all(number >= 0 for number, _ in found)
