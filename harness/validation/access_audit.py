"""Audit of the files, connections and accuracies that an indicator accesses while it runs.

Python reports files, connections and programs that it opens (audit hooks, PEP 578). Readers of
Parquet open files without a report, and the project's own tables may be in memory, so wrappers of
their functions report these. What code in other languages opens by itself is not seen.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal

Kind = Literal["accuracies", "file", "outside"]

ACCURACY_PACKAGES = frozenset(
    {
        *("analog", "analog_nasbench", "nas_201_api", "nats_bench", "nasbench", "nasbench301"),
        *("nasbench_pytorch", "naslib", "nb_api", "yahpo_gym"),
    }
)
"""Packages that hold accuracies of trained networks, or read them."""

_TABLES = frozenset({"tables", "surrogates", "reference_scores"})
"""Folders of the data folder that hold accuracies."""
_CODE = frozenset({".py", ".pyc"})
"""A module counts as a file even in a package of accuracies: it need not hold a table."""
_PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"}
_CONNECTIONS = {"socket.connect", "socket.getaddrinfo", "urllib.Request"}
_MAX_SEEN = 200


@dataclass(frozen=True, slots=True, order=True)
class AccessEvent:
    """An access by an indicator to something besides its measurement."""

    when: str
    """`loading` or `scoring`."""
    kind: Kind
    """`accuracies`, another `file`, or something `outside`: a program, a connection."""
    what: str


_when: list[str] = []
_events: dict[AccessEvent, None] = {}
_ready = False


@contextmanager
def audit_access(when: str) -> Iterator[None]:
    """Record what the block accesses; hooks are set at the first such block of a process."""
    _prepare()
    _when.append(when)
    try:
        yield
    finally:
        _when.pop()


@contextmanager
def unaudited() -> Iterator[None]:
    """Record nothing in the block, which belongs to the project and not to the indicator."""
    kept = _when[:]
    _when.clear()
    try:
        yield
    finally:
        _when[:] = kept


def take_access_events() -> tuple[AccessEvent, ...]:
    """Return what was recorded since the last call in this process, sorted."""
    found = tuple(sorted(_events))
    _events.clear()
    return found


def _prepare() -> None:
    """Set hooks and wrappers once in a process: an audit hook cannot be removed."""
    global _ready  # noqa: PLW0603
    if not _ready:
        _ready = True
        sys.addaudithook(_hear)
        _wrap_tables()


def _note(kind: Kind, what: str) -> None:
    # accuracies always: a crowd of other files must not hide them
    if _when and (kind == "accuracies" or len(_events) < _MAX_SEEN):
        _events[AccessEvent(_when[-1], kind, what)] = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _when:
        return
    if event in {"open", "sqlite3.connect"}:
        _opened(arguments[0])
    elif event == "import":
        package = str(arguments[0]).partition(".")[0]
        if package in ACCURACY_PACKAGES:
            _note("accuracies", f"imports {package}")
    elif event in _PROGRAMS:
        _note("outside", f"starts a program ({event} {arguments[0]!r})")
    elif event in _CONNECTIONS:
        _note("outside", f"connects to {arguments[-1] if event == 'socket.connect' else arguments}")


def _opened(path: object) -> None:
    if not isinstance(path, str | bytes | os.PathLike):
        return  # a file descriptor that was opened before
    given = os.path.abspath(os.fsdecode(path))
    if given.startswith(("/proc/", "/sys/", "/dev/")):
        return
    kind = _kind_of(given)
    if kind == "accuracies" or not _is_installed(given):
        _note(kind, f"opens {Path(given).name}")


def _kind_of(given: str) -> Kind:
    with unaudited():
        from untrained.spaces.framework.registry import data_folder

        folder = Path(data_folder()).resolve()
        # a link, or a way round, leads to the same table
        real = Path(os.path.realpath(given))
    of_data = real.is_relative_to(folder) and not _TABLES.isdisjoint(real.parts)
    of_package = not ACCURACY_PACKAGES.isdisjoint(real.parts) and real.suffix not in _CODE
    committed = real.name == "scores.parquet" or real.match("baselines/*/networks.csv")
    return "accuracies" if of_data or of_package or committed else "file"


def _is_installed(path: str) -> bool:
    """Return whether a file belongs to Python, an installed package or this project."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    places |= {os.path.abspath(place) for place in sys.modules["untrained"].__path__}
    return any(path.startswith(place + os.sep) for place in places)


def _wrap_tables() -> None:
    import pyarrow
    from pyarrow import parquet

    from untrained.spaces import Benchmark, benchmarks

    for owner, name in ((parquet, "read_table"), (parquet, "read_schema"), (pyarrow, "memory_map")):
        _wrap(owner, name, lambda arguments: _opened(arguments[0]))
    _wrap(parquet.ParquetFile, "__init__", lambda arguments: _opened(arguments[1]))
    classes = {Benchmark, *(type(benchmark) for benchmark in benchmarks.values())}
    for kind in classes:
        for name in ("values", "table", "query", "best", "_values"):
            if name in vars(kind):
                _wrap(
                    kind,
                    name,
                    lambda arguments: _note(
                        "accuracies", f"looks up accuracies in {arguments[0].name}"
                    ),
                )


def _wrap(owner: Any, name: str, tell: Callable[[tuple[Any, ...]], None]) -> None:
    """Wrap a function so that each call is reported and then made."""
    kept = getattr(owner, name)

    @wraps(kept, updated=())
    def call(*arguments: Any, **options: Any) -> Any:
        if _when and arguments:
            tell(arguments)
        return kept(*arguments, **options)

    setattr(owner, name, call)
