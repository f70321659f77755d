"""Mutations of valid inputs, and a watch over what a reader does with them."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECONDS = 10
"""Longest processor time for one input; most take milliseconds."""
MEMORY = 3 * 2**30
"""Address space that readers may take besides what the process has."""
LARGEST = 200_000

TOKENS = [
    *(b"NaN", b"-Infinity", b"1e999", b"-0", b"null", b"true", b"[]", b"{}", b'""', b"''"),
    *(b"1" * 5000, b"0x" + b"f" * 400, b"9223372036854775808", b"-9223372036854775809", b"1e400"),
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"(" * 3000, b"|" * 3000, b"x" * 9000, b"\\" * 99),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u202e\u0660\u00b2é".encode()),
    *(b"\x1b[2J", b"\r\n", b"\n\n", b"\t", b",,,,", b";", b"'; DROP TABLE score; --", b"${HOME}"),
    *(b"../../../etc/passwd", b"%s%s%n", b"{0}", b"=cmd|' /C calc'!A0", b"__import__('os')"),
    *(b"cposix\nsystem\n(S'exit 1'\ntR.", b"\x80\x04cposix\nsystem\n", b"#!/bin/sh\n", b"<script>"),
    *(b"!!python/object/apply:os.system ['exit 1']", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x7fELF"),
]
_NUMBER = re.compile(rb"-?\d+(\.\d+)?")
_QUOTED = re.compile(rb"\"[^\"\n]*\"|'[^'\n]*'")


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """Change one of some inputs at one to four places."""
    content = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(_CHANGES)(content, seeds, rng)[:LARGEST]
    return content


def _slice(content: bytes, rng: random.Random, most: int = 64) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.randrange(most))


def _byte(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    place = rng.randrange(len(content) or 1)
    return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]


def _bit(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    place = rng.randrange(len(content) or 1)
    old = content[place : place + 1] or b"\0"
    return content[:place] + bytes([old[0] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def _cut(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _without(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    start, end = _slice(content, rng)
    return content[:start] + content[end:]


def _twice(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    start, end = _slice(content, rng)
    return content[:end] + content[start:end] * rng.choice((1, 2, 500)) + content[end:]


def _spliced(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    other = rng.choice(seeds)
    start, end = _slice(other, rng, 400)
    place = rng.randrange(len(content) + 1)
    return content[:place] + other[start:end] + content[place:]


def _token(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    start, end = _slice(content, rng, 8)
    return content[:start] + rng.choice(TOKENS) + content[end:]


def _replaced(pattern: re.Pattern[bytes]) -> Callable[[bytes, list[bytes], random.Random], bytes]:
    def change(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
        places = [match.span() for match in pattern.finditer(content[:LARGEST])]
        if not places:
            return _token(content, seeds, rng)
        start, end = rng.choice(places)
        return content[:start] + rng.choice(TOKENS) + content[end:]

    return change


_CHANGES = [
    *(_byte, _bit, _cut, _without, _twice, _spliced, _token),
    *(_replaced(_NUMBER), _replaced(_QUOTED)),
]


class TooSlow(BaseException):
    """A reader took longer than `SECONDS`; no Exception, so that no reader catches it."""


class Executed(BaseException):
    """A reader did what an input must not make it do."""


_FORBIDDEN = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
_FORBIDDEN |= {"subprocess.Popen", "socket.connect", "pty.spawn", "os.kill", "os.putenv"}
_watched = [False]


def _audit(event: str, args: tuple[object, ...]) -> None:
    if not _watched[0]:
        return
    if event in _FORBIDDEN:
        raise Executed(f"{event} {args!r}"[:300])
    if event == "open" and isinstance(args[0], str | bytes) and isinstance(args[1], str):
        path = os.fsdecode(args[0])
        harmless = path.startswith((tempfile.gettempdir(), "/dev/null")) or "__pycache__" in path
        if set(args[1]) & set("wax+") and not harmless:
            raise Executed(f"writes to {path!r}")


def _stop(number: int, frame: object) -> None:
    raise TooSlow


@pytest.fixture
def watched() -> Iterator[Callable[[], object]]:
    """Give a context in which a reader is bounded in time and memory and runs nothing."""
    if not hasattr(sys, "_untrained_audited"):
        sys._untrained_audited = True  # type: ignore[attr-defined]
        sys.addaudithook(_audit)  # which stays for the life of the process
    limits = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limits[1]))

    @contextmanager
    def watch() -> Iterator[None]:
        previous = signal.signal(signal.SIGPROF, _stop)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        _watched[0] = True
        try:
            yield
        finally:
            _watched[0] = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, previous)

    yield watch
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture
def mutate() -> Callable[[list[bytes], random.Random], bytes]:
    return mutated
