"""What the last `untrained list` found, kept until a file of the project or a plug-in changes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import platformdirs

Row = dict[str, Any]
_ROOMS = ("foundation", "harness", "indicators", "reports", "results", "spaces")


def kept(kind: str, make: Callable[[], Iterable[Row]]) -> list[Row]:
    """Return the rows of a kind; they are made only where no earlier ones hold.

    To make them torch has to be imported, which takes seconds. Nothing is kept where torch is
    there already, or where plug-ins of other packages are installed, whose files are not watched.
    A folder that cannot be written to, or a damaged file in it, costs the seconds and nothing else.
    """
    if "torch" in sys.modules or any(g.startswith("untrained.") for g in entry_points().groups):
        return list(make())
    path = Path(platformdirs.user_cache_dir("untrained")) / f"list-{kind}.json"
    state = _state()
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["state"] == state:
            return [dict(row) for row in stored["rows"]]
    rows = list(make())
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps({"state": state, "rows": rows}), encoding="utf-8")
        new.replace(path)
    return rows


def _state() -> str:
    """Digest names, sizes and times of all modules of the project."""
    digest = hashlib.sha256(sys.version.encode())
    root = Path(__file__).parents[2]
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            found = path.stat()
            digest.update(f"{path}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
