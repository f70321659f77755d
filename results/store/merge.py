"""Merging of stores: their scores in one store, each once, or nothing."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from untrained.foundation import StorageError
from untrained.results.store.database import (
    REPLACE,
    attached,
    connect,
    refuse_table_name,
    storage_errors,
    transaction,
)
from untrained.results.store.disk import Writer
from untrained.results.store.store import ScoreStore

CanonicalOf = Callable[[str], Callable[[str], str] | None]
"""Gives for a search space the function that names the representative of an architecture's
functional class; None for an unknown space."""

_SAME_KEY = """
FROM other.score AS theirs
JOIN other.network AS n ON n.id = theirs.network
JOIN other.indicator AS i ON i.id = theirs.indicator
JOIN other.protocol AS p ON p.id = theirs.protocol
JOIN main.network AS network ON (network.space, network.architecture) = (n.space, n.architecture)
JOIN main.indicator AS indicator ON (indicator.name, indicator.version) = (i.name, i.version)
JOIN main.protocol AS protocol ON protocol.digest = p.digest
"""

_CONFLICT = f"""
SELECT n.space, n.architecture, i.name, theirs.seed, mine.value, theirs.value,
    mine.representative, theirs.representative
{_SAME_KEY}
JOIN main.score AS mine ON (mine.indicator, mine.protocol, mine.seed, mine.network)
    = (indicator.id, protocol.id, theirs.seed, network.id)
WHERE mine.status = 'ok' AND theirs.status = 'ok' AND (
    mine.value IS NOT theirs.value OR mine.representative IS NOT theirs.representative)
LIMIT 1
"""

_INSERT = (
    """
INSERT INTO main.network (space, architecture)
SELECT space, architecture FROM other.network WHERE TRUE ON CONFLICT DO NOTHING
""",
    """
INSERT INTO main.indicator (name, version)
SELECT name, version FROM other.indicator WHERE TRUE ON CONFLICT DO NOTHING
""",
    """
INSERT INTO main.protocol (digest, canonical)
SELECT digest, canonical FROM other.protocol WHERE TRUE
ON CONFLICT (digest) DO UPDATE SET canonical = coalesce(canonical, excluded.canonical)
""",
    """
INSERT INTO main.environment (digest, canonical)
SELECT digest, canonical FROM other.environment WHERE TRUE ON CONFLICT DO NOTHING
""",
    f"""
INSERT INTO main.score
SELECT indicator.id, protocol.id, theirs.seed, network.id, theirs.value, theirs.status,
    theirs.reason, theirs.alone_s, theirs.peak_bytes, theirs.representative, environment.id
{_SAME_KEY}
JOIN other.environment AS e ON e.id = theirs.environment
JOIN main.environment AS environment ON environment.digest = e.digest
WHERE TRUE
{REPLACE} AND excluded.status = 'ok'
""",
)

_PROTOCOLS = """
SELECT mine.digest FROM main.protocol AS mine JOIN other.protocol AS theirs USING (digest)
WHERE mine.canonical <> theirs.canonical
"""

# SQLite, left to choose, looks for each network through all scores of the indicator
_OF_ONE_KIND = """
FROM indicator CROSS JOIN score ON score.indicator = indicator.id
CROSS JOIN network ON network.id = score.network
"""


def merge_stores(paths: Sequence[Path], output: Path, *, canonical_of: CanonicalOf) -> int:
    """Put the scores of several stores into one.

    A store that exists keeps its scores and receives the others in one transaction; a new one
    appears under its name when it is complete. Of two failed scores with one key the first stays,
    and a score that is `ok` replaces a failed one. Merging again changes nothing.

    Args:
        paths: stores, or Parquet files exported from stores; `output` among them is left out.

    Returns:
        How many scores were added to the output.

    Raises:
        MissingData: a store is not there.
        MalformedInput: a Parquet file is damaged, or holds no exported scores.
        StorageError: stores do not fit together, or a file cannot be read or written. The output
            is as it was.
    """
    others = [path for path in paths if not _is_same(path, output)]
    if not output.exists():
        refuse_table_name(output)
    try:
        # the folders of the output are made when there is something to put into them
        there = next(folder for folder in output.absolute().parents if folder.exists())
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=there) as folder:
            return _merge(others, output, Path(folder), canonical_of)
    except OSError as error:
        raise StorageError(
            f"cannot merge into {str(output)!r}: {error.strerror or error}. Nothing was changed. "
            "Make room, or choose a folder you can write to."
        ) from error


def _is_same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _merge(paths: Sequence[Path], output: Path, folder: Path, canonical_of: CanonicalOf) -> int:
    merged = folder / "merged.sqlite"
    with closing(connect(merged, create=True)) as connection:
        for number, path in enumerate(paths):
            source = path
            if path.suffix.lower() == ".parquet":
                source = folder / f"{number}.sqlite"
                with ScoreStore(source) as exported:
                    exported.absorb(path)
            _add(connection, source, named=path)
        _check_sharing(connection, canonical_of)
        added = _count(connection)
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        merged.replace(output)
        return added
    writer = Writer(output)
    writer.claim()
    try:
        with closing(connect(output, create=False)) as connection:
            return _add(connection, merged, named=output, canonical_of=canonical_of)
    finally:
        writer.release()


def _add(
    connection: sqlite3.Connection,
    source: Path,
    *,
    named: Path,
    canonical_of: CanonicalOf | None = None,
) -> int:
    """Add the scores of one store in one transaction; return how many are new."""
    connect(source, create=False).close()  # which refuses what is no store of this schema
    with storage_errors(named, "merge"), attached(connection, source), transaction(connection):
        _refuse_conflicts(connection, named)
        before = _count(connection)
        for statement in _INSERT:
            connection.execute(statement)
        if canonical_of is not None:
            _check_sharing(connection, canonical_of)
        return _count(connection) - before


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM main.score").fetchone()[0])


def _refuse_conflicts(connection: sqlite3.Connection, path: Path) -> None:
    other = connection.execute(_PROTOCOLS).fetchone()
    if other is not None:
        raise StorageError(
            f"cannot merge {str(path)!r}: it describes the protocol {other[0]} otherwise than a "
            "store before it, so that one of them was changed. Leave the changed store out."
        )
    found = connection.execute(_CONFLICT).fetchone()
    if found is None:
        return
    space, architecture, indicator, seed, mine, theirs, *measured = found
    if measured[0] != measured[1]:
        raise StorageError(
            f"cannot merge {str(path)!r}: the score of {indicator} for {architecture} of {space} "
            f"(seed {seed}) is {_origin(measured[1])}, and in a store before it "
            f"{_origin(measured[0])}. Merge stores with one setting of share_classes."
        )
    raise StorageError(
        f"cannot merge {str(path)!r}: its score of {indicator} for {architecture} of {space} "
        f"(seed {seed}) is {theirs!r}, and in a store before it {mine!r}. They were computed in "
        "environments that differ, or one was changed. Leave one of the stores out, or score "
        "disjoint parts with --shard."
    )


def _origin(representative: str | None) -> str:
    return f"that of {representative}" if representative else "its own"


def _check_sharing(connection: sqlite3.Connection, canonical_of: CanonicalOf) -> None:
    """Refuse a mixture of scores that classes share and scores of their members' own.

    Other versions and protocols are other scores, which no table mixes with these.
    """
    groups = connection.execute(
        f"SELECT DISTINCT space, indicator.id, protocol, indicator.name {_OF_ONE_KIND} "
        "WHERE representative IS NOT NULL"
    )
    for space, *kind, indicator in groups.fetchall():
        canonical = canonical_of(space)
        if canonical is None:
            continue
        own = connection.execute(
            f"SELECT DISTINCT architecture {_OF_ONE_KIND} "
            "WHERE space = ? AND indicator.id = ? AND protocol = ? AND representative IS NULL",
            [space, *kind],
        )
        for (architecture,) in own:
            if canonical(architecture) != architecture:
                raise StorageError(
                    f"cannot merge: some scores of {indicator} of {space} were computed with "
                    f"class sharing (share_classes) and others without, such as that of "
                    f"{architecture}. Merge stores with one setting."
                )
