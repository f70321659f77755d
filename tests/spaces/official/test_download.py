"""Downloads against a server on the loopback: whole, broken off, resumed, wrong."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from untrained.foundation import MalformedInput, MissingData, StorageError
from untrained.spaces.converters.download import Source, download, sources

CONTENT = bytes(range(256)) * 4096


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; can break off, refuse to resume, or send other bytes."""

    breaks_after: int | None = None
    resets = False
    resumes = True
    content = CONTENT
    asked: list[str | None]

    def do_GET(self) -> None:
        cls = type(self)
        asked = self.headers.get("Range")
        cls.asked.append(asked)
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/reset":
            self.reset()
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and cls.resumes else 0
        if start >= len(cls.content):
            self.send_error(416)
            return
        body = cls.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: cls.breaks_after])
        if cls.resets:
            self.reset()

    def reset(self) -> None:
        self.wfile.flush()
        # with nothing to linger for, closing sends a reset instead of an end
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def handler() -> type[Handler]:
    return type("Served", (Handler,), {"asked": []})


@pytest.fixture
def address(handler: type[Handler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/file.bin"
    server.shutdown()
    server.server_close()


def source(address: str, **changes: object) -> Source:
    fields: dict[str, object] = {
        "file": "file.bin",
        "page": "https://example.org/page",
        "licence": "MIT",
        "citation": "",
        "address": address,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    return Source(**(fields | changes))  # type: ignore[arg-type]


def test_a_file_comes_whole_with_progress(address: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = download(source(address), tmp_path / "new", progress=lambda *now: told.append(now))
    assert path.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_what_is_there_and_right_is_not_asked_for_again(
    address: str, handler: type[Handler], tmp_path: Path
) -> None:
    for _ in range(2):
        download(source(address), tmp_path)
    assert len(handler.asked) == 1


def test_a_broken_download_goes_on_where_it_broke_off(
    address: str, handler: type[Handler], tmp_path: Path
) -> None:
    handler.breaks_after = 300_000
    with pytest.raises(MissingData, match=r"300,000 bytes are kept, the same command goes on"):
        download(source(address), tmp_path)
    handler.breaks_after = None
    assert download(source(address), tmp_path).read_bytes() == CONTENT
    assert handler.asked == [None, "bytes=300000-"]


def test_a_connection_that_is_reset_is_no_fault_of_the_folder(
    address: str, handler: type[Handler], tmp_path: Path
) -> None:
    handler.breaks_after, handler.resets = 300_000, True
    with pytest.raises(
        MissingData, match=r"cannot be downloaded from 127\.0\.0\.1.*Connection reset"
    ):
        download(source(address), tmp_path)
    with pytest.raises(MissingData, match="Connection reset"):
        download(source(address.replace("file.bin", "reset")), tmp_path)
    handler.breaks_after, handler.resets = None, False
    assert download(source(address), tmp_path).read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_all_again(
    address: str, handler: type[Handler], tmp_path: Path
) -> None:
    handler.resumes = False
    (tmp_path / "file.bin.part").write_bytes(b"stale" * 10)
    assert download(source(address), tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_complete_needs_only_its_name(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert download(source(address), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sha256": "0" * 64}, r"has the sha256 [0-9a-f]{64} instead of 0{64} and was deleted"),
        ({"sha256": "", "md5": "0" * 32}, "has the md5"),
        ({"size": 5}, "has 1,048,576 bytes instead of 5"),
    ],
)
def test_another_file_than_the_published_one_is_deleted(
    address: str, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(MalformedInput, match=told):
        download(source(address, **changes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_named_and_stays(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"other")
    with pytest.raises(MalformedInput, match="not the published file; delete it"):
        download(source(address), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == b"other"


def test_no_server_and_no_file_say_what_to_do(address: str, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"answers 404 .* get it from https://example.org/page"):
        download(source(address.replace("file.bin", "gone")), tmp_path)
    with pytest.raises(MissingData, match=r"cannot be downloaded from 127\.0\.0\.1:1 "):
        download(source("http://127.0.0.1:1/x"), tmp_path)
    with pytest.raises(MissingData, match="cannot be downloaded by a program; get it from"):
        download(source(""), tmp_path)
    with pytest.raises(MissingData, match="file is no web address"):
        download(source("file:///etc/passwd"), tmp_path)


def test_a_folder_that_cannot_be_written_is_named(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"cannot be written .*--output"):
        download(source(address), tmp_path / "file")


def test_every_published_source_is_complete() -> None:
    from untrained.spaces.converters import converters

    for name, item in sources().items():
        assert name in converters or name.endswith("-images")
        assert item.page.startswith("https://")
        assert item.address.startswith("https://") or not item.address
        assert item.licence
        assert item.citation
