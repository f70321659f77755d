"""The file of a store on its disk: network disks, one writer there, and exchanged files."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

from untrained.foundation import StorageError

NETWORK_DISKS = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "fhgfs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs"),
        *("glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "panfs", "pvfs2"),
        *("smb3", "smbfs", "wekafs"),
    }
)
"""File systems, as Linux names them, that several machines share."""

_MOUNTS = Path("/proc/self/mounts")


def network_disk(path: Path) -> str | None:
    """Name the file system of a path if it is one of `NETWORK_DISKS`; None on other systems."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    folder = str(path.parent.resolve())
    best, kind = "", ""
    for fields in (line.split(" ") for line in lines):
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        within = folder == point or folder.startswith(point.rstrip("/") + "/")
        if within and len(point) >= len(best):  # of two mounts at one place the later one is seen
            best, kind = point, fields[2]
    return kind if kind in NETWORK_DISKS else None


class Writer:
    """The right to write to a store: on a network disk that of one process.

    Locks between machines are not reliable there. A file beside the store names the machine and
    the process that writes; it is made in one step, which network disks guarantee.
    """

    def __init__(self, path: Path) -> None:
        """Look up the disk of a store; nothing is claimed yet."""
        self.disk = network_disk(path)
        """The kind of network disk; None on a local disk, where SQLite's locks suffice."""
        self._store = path
        self._file = path.with_name(f"{path.name}.writer")
        self._claimed = False

    def claim(self) -> None:
        """Become the writer, or go on being it.

        Raises:
            StorageError: another process is the writer, or the file cannot be made.
        """
        if self._claimed or self.disk is None:
            return
        own = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
        for _ in range(2):
            try:
                with self._file.open("x") as file:
                    json.dump(own, file)
            except FileExistsError:
                if self._is_left_over():
                    self._file.unlink(missing_ok=True)
                    continue
                break
            except OSError as error:
                raise StorageError(
                    f"cannot write to the score store {str(self._store)!r}: {self._file.name!r} "
                    f"cannot be made beside it ({error.strerror}). Choose a folder that can be "
                    "written to."
                ) from error
            self._claimed = True
            return
        raise StorageError(
            f"cannot write to the score store {str(self._store)!r}: it is on a network disk "
            f"({self.disk}), and {self._holder()} writes to it. Use one store a run and join them "
            f"with `untrained merge`. If that run is gone, delete {str(self._file)!r}."
        )

    def release(self) -> None:
        """Stop being the writer."""
        if self._claimed:
            self._claimed = False
            with suppress(OSError):
                self._file.unlink()

    def _read(self) -> tuple[str, int] | None:
        try:
            holder = json.loads(self._file.read_text())
            return str(holder["host"]), int(holder["pid"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _is_left_over(self) -> bool:
        """Tell whether the writer was a process of this machine that is gone."""
        holder = self._read()
        return holder is not None and holder[0] == socket.gethostname() and is_gone(holder[1])

    def _holder(self) -> str:
        holder = self._read()
        return f"process {holder[1]} on {holder[0]}" if holder else "another process"


def is_gone(pid: int) -> bool:
    """Tell whether this machine has no process of a number."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, ProcessLookupError)
    return False


class FileExchanged(StorageError):
    """The file of an open store is another one than was opened, or shorter."""


class FileWatch:
    """Notices that the file of an open store was removed, exchanged or cut short.

    SQLite does not: it goes on with the file that it has opened, whose rows nobody would find.
    """

    def __init__(self, path: Path) -> None:
        """Remember which file there is."""
        self._path = path
        self._seen = path.stat()

    def check(self, doing: str) -> None:
        """Look whether it is still the same file.

        Args:
            doing: what was being done ("write to"), for the text.

        Raises:
            FileExchanged: it is not.
        """
        try:
            now = self._path.stat()
        except OSError:
            what = "the file was removed or moved"
        else:
            if (now.st_dev, now.st_ino) != (self._seen.st_dev, self._seen.st_ino):
                what = "another file took its place"
            elif now.st_size < self._seen.st_size:
                what = "the file was cut short"
            else:
                self._seen = now
                return
        raise FileExchanged(
            f"cannot {doing} the score store {str(self._path)!r}: {what} while it was open. Put "
            "the right file back, or name another store, and give the same command again: it "
            "scores what that store lacks."
        )
