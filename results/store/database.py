"""The SQLite database of the score store: schema and transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from untrained.foundation import MissingData, StorageError, suggest
from untrained.results.store.disk import network_disk

SCHEMA_VERSION = 1
APPLICATION_ID = 0x756E7472
"""Marks the file as ours in its header ("untr"), so that no foreign database is ever touched."""

# Scores are clustered by what a run asks for (indicator, protocol, seed), so both "which of these
# keys are missing" and "all scores of this indicator" read one contiguous range.
# `value` and `alone_s` have no declared type: REAL would rewrite -0.0 as the integer 0.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE network (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, architecture TEXT NOT NULL,
    UNIQUE (space, architecture));
CREATE TABLE indicator (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (name, version));
CREATE TABLE protocol (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, canonical TEXT);
CREATE TABLE environment (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, canonical TEXT NOT NULL);
CREATE TABLE score (
    indicator INTEGER NOT NULL REFERENCES indicator,
    protocol INTEGER NOT NULL REFERENCES protocol,
    seed INTEGER NOT NULL,
    network INTEGER NOT NULL REFERENCES network,
    value, status TEXT NOT NULL, reason TEXT NOT NULL, alone_s,
    peak_bytes INTEGER, representative TEXT,
    environment INTEGER NOT NULL REFERENCES environment,
    PRIMARY KEY (indicator, protocol, seed, network)) WITHOUT ROWID;
"""

COLUMNS = {
    "space": "str",
    "architecture": "str",
    "indicator": "str",
    "version": "int64",
    "protocol": "str",
    "seed": "int64",
    "value": "float64",
    "status": "str",
    "reason": "str",
    "alone_s": "float64",
    "peak_bytes": "Int64",
    "representative": "str",
    "environment": "int64",
}
"""Columns of `ScoreStore.frame` and their types."""

ROWS = """
FROM score
JOIN network ON network.id = score.network
JOIN indicator ON indicator.id = score.indicator
JOIN protocol ON protocol.id = score.protocol
"""

FRAME = f"""
SELECT network.space, network.architecture, indicator.name, indicator.version, protocol.digest,
    score.seed, score.value, score.status, score.reason, score.alone_s, score.peak_bytes,
    score.representative, score.environment
{ROWS}
"""

COSTS = f"""
SELECT indicator.name AS indicator, indicator.version, count(*) AS scores,
    sum(score.status <> 'ok') AS not_ok, avg(score.alone_s) AS mean_s,
    max(score.alone_s) AS longest_s, sum(score.alone_s) AS total_s,
    max(score.peak_bytes) AS peak_bytes
{ROWS}
WHERE score.representative IS NULL
GROUP BY indicator.id
ORDER BY total_s DESC, 1, 2
"""

REPLACE = """
ON CONFLICT (indicator, protocol, seed, network) DO UPDATE SET
    value = excluded.value, status = excluded.status, reason = excluded.reason,
    alone_s = excluded.alone_s, peak_bytes = excluded.peak_bytes,
    representative = excluded.representative, environment = excluded.environment
WHERE score.status <> 'ok'
"""

PUT = f"""
INSERT INTO score (network, indicator, protocol, seed, value, status, reason, alone_s, peak_bytes,
    representative, environment)
VALUES (
    (SELECT id FROM network WHERE space = ? AND architecture = ?),
    (SELECT id FROM indicator WHERE name = ? AND version = ?),
    (SELECT id FROM protocol WHERE digest = ?),
    ?, ?, ?, ?, ?, ?, ?,
    (SELECT id FROM environment WHERE digest = ?))
{REPLACE}
"""  # noqa: S608
PUT_AGAIN = f"{PUT} OR excluded.status = 'ok'"


BUSY_TIMEOUT_S = 60.0
_RETRY_S = 0.02

_KEPT = "everything committed before is kept"
_FULL = (
    f"the disk is full, or the file may not grow; {_KEPT}; make room and give the same command "
    "again, it goes on from there"
)
_MOVED = (
    "the file was removed or moved while it was open; put it back and give the same command again"
)
TABLE_ENDINGS = (".parquet", ".json", ".csv", ".tsv", ".txt")
"""Endings of names under which commands look for a table of scores, not for a store."""

_EXPLANATIONS = {
    "SQLITE_NOTADB": ("it is not an SQLite database; it was left as it is; name another file"),
    "SQLITE_CORRUPT": "the file is damaged; restore a copy, or start a new store",
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR_WRITE": _FULL,
    "SQLITE_IOERR_SHORT_READ": "the file was cut short; restore a copy, or start a new store",
    "SQLITE_READONLY_DBMOVED": _MOVED,
    "SQLITE_READONLY": (
        "it is read-only here; make file and folder writable, or copy the store elsewhere"
    ),
    "SQLITE_CANTOPEN": (
        "the file or its folder is not accessible; name a file in a folder you can write to"
    ),
    "SQLITE_BUSY": (
        f"another process has kept it locked for {BUSY_TIMEOUT_S:.0f} s; {_KEPT}; "
        "end that process, or wait, and give the same command again"
    ),
}
"""Message for the user, by the beginning of SQLite's name for the error."""


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a connection to the score store at `path` and check the schema.

    Args:
        create: make the store, and the folders above it, where there is none.

    Returns:
        A connection in autocommit mode that waits for locks of other processes.

    Raises:
        MissingData: there is no file and `create` is false.
        StorageError: it cannot be opened, or is something else than a score store.
    """
    if not path.exists():
        if not create:
            raise MissingData(_nothing_at(path))
        refuse_table_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot make the folder {str(path.parent)!r} for the score store {path.name!r}: "
                f"{error.strerror}; choose another place"
            ) from error
    with storage_errors(path, "open"):
        connection = _open(path, mode="rwc" if create else "rw")
        try:
            connection = _checked(connection, path, create=create)
        except BaseException:
            connection.close()
            raise
        return connection


def refuse_table_name(path: Path) -> None:
    """Refuse a name for a new store under which no command would read it as one.

    Raises:
        StorageError: the name ends like that of a table.
    """
    if path.suffix.lower() in TABLE_ENDINGS:
        raise StorageError(
            f"cannot make the score store {str(path)!r}: a file of this ending is read as a table "
            f"of scores. Choose another name, such as {path.with_suffix('.sqlite').name}."
        )


def connect_memory() -> sqlite3.Connection:
    """Open a connection to an empty score store in memory, which ends with the connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    return _checked(connection, Path(":memory:"), create=True)


@contextmanager
def attached(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Let the tables of another store be read as `other` inside."""
    try:
        connection.execute("ATTACH ? AS other", [_uri(path, mode="rw")])
        connection.execute("SELECT count(*) FROM other.meta")
    except sqlite3.OperationalError as error:
        if not _is_read_only(error) or _has_log(path):
            raise
        if "other" in (row[1] for row in connection.execute("PRAGMA database_list")):
            connection.execute("DETACH other")
        connection.execute("ATTACH ? AS other", [_uri(path, mode="ro", immutable=True)])
    try:
        yield
    finally:
        connection.execute("DETACH other")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all or nothing; the write lock is held from start to end.

    A deferred transaction that begins by reading can fail to upgrade its lock however long it
    waits; BEGIN IMMEDIATE queues behind other writers instead.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # a full disk makes SQLite roll back by itself
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def storage_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn errors of SQLite, and of what it cannot hold, into a helpful `StorageError`.

    Args:
        doing: what was being done ("write to"), for the text.

    Raises:
        StorageError: the body raised such an error.
    """
    try:
        yield
    except (OverflowError, UnicodeEncodeError) as error:
        raise StorageError(
            f"cannot {doing} the score store {str(path)!r}: a seed or a text has no place in it "
            f"({error}); seeds are below 2^63, texts valid Unicode; {_KEPT}"
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(
            f"cannot {doing} the score store {str(path)!r}: {_EXPLANATIONS['SQLITE_CORRUPT']} "
            f"({type(error).__name__}: {str(error)[:200]})"
        ) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        raise StorageError(
            f"cannot {doing} the score store {str(path)!r}: {_explain(path, name, str(error))}"
        ) from error


def _uri(path: Path, *, mode: str, immutable: bool = False) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"


def _open(path: Path, *, mode: str, immutable: bool = False) -> sqlite3.Connection:
    uri = _uri(path, mode=mode, immutable=immutable)
    # isolation_level None: transactions are begun and ended here and nowhere else
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def _checked(connection: sqlite3.Connection, path: Path, *, create: bool) -> sqlite3.Connection:
    try:
        found = _application(connection)
    except sqlite3.OperationalError as error:
        if not _is_read_only(error) or not path.is_file() or _has_log(path):
            raise
        # WAL needs to write beside the file even for reading; a store on a read-only medium that
        # nobody is writing can be read without
        connection.close()
        connection = _open(path, mode="ro", immutable=True)
        found = _application(connection)
    if found is None:
        if not create:
            raise StorageError(
                f"cannot open the score store {str(path)!r}: it is an empty database without any "
                "score; `untrained score --store ...` or `untrained run` fills one"
            )
        _create(connection, path)
        found = _application(connection)
    if found != APPLICATION_ID:
        raise StorageError(
            f"cannot open the score store {str(path)!r}: it is an SQLite database of another "
            "program; it was left as it is; name another file"
        )
    _check_version(connection, path)
    connection.execute("PRAGMA foreign_keys = ON")
    if network_disk(path) is None:
        # In WAL mode a killed process loses nothing it had committed; only a power cut may take
        # the last transactions, whole ones, and a run starts those again.
        connection.execute("PRAGMA synchronous = NORMAL")
    elif connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        # the file was copied here from a local disk
        try:
            _set_journal_mode(connection, "DELETE")
        except sqlite3.OperationalError as error:
            if not _is_read_only(error):
                raise
    return connection


def _application(connection: sqlite3.Connection) -> int | None:
    """Read which application a database belongs to; None for one without any table."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return None
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _create(connection: sqlite3.Connection, path: Path) -> None:
    # WAL needs memory that all processes share, and machines share none
    _set_journal_mode(connection, "DELETE" if network_disk(path) else "WAL")
    with transaction(connection):
        if _application(connection) is not None:
            return  # another process was faster
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    # This one statement does not wait for the locks of other processes.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    stored = row[0] if row else "unknown"
    if stored != str(SCHEMA_VERSION):
        raise StorageError(
            f"cannot open the score store {str(path)!r}: its schema version is {stored}, this "
            f"version of untrained reads {SCHEMA_VERSION}; use the version of untrained that made "
            "it, or export it there and start a new store"
        )


def _is_read_only(error: sqlite3.Error) -> bool:
    return error.sqlite_errorname.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN"))


def _has_log(path: Path) -> bool:
    """Tell whether committed rows may still wait in the write-ahead log beside the file."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _nothing_at(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        nearby = f"there is no folder {str(folder)!r} either"
    else:
        stores = [p.name for p in folder.iterdir() if p.suffix in {".sqlite", ".sqlite3", ".db"}]
        nearby = f"in that folder {suggest(path.name, stores)}"
    return (
        f"no score store at {str(path)!r}; {nearby} "
        "(`untrained run` and `untrained score --store` make one)"
    )


def _explain(path: Path, name: str, message: str) -> str:
    if path.is_dir():
        return "it is a folder; name a file in it"
    for prefix, text in _EXPLANATIONS.items():
        if name.startswith(prefix):
            return text
    return f"{message} ({name or 'SQLite'}); {_KEPT}"
