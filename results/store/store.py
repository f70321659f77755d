"""The score store: scores in one SQLite file that survives a killed run."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from untrained.foundation import MissingData, UserError
from untrained.results.store.database import (
    COLUMNS,
    COSTS,
    FRAME,
    PUT,
    PUT_AGAIN,
    ROWS,
    connect,
    connect_memory,
    storage_errors,
    transaction,
)
from untrained.results.store.disk import FileWatch, Writer
from untrained.results.store.export import (
    ExportedScores,
    read_export,
    spreadsheet_cell,
    write_frame,
)
from untrained.results.store.score import Environment, Score, ScoreKey

if TYPE_CHECKING:
    import pandas as pd


class StoredRow(NamedTuple):
    """What a run asks of a stored score."""

    architecture: str
    status: str
    reason: str
    representative: str | None
    environment: int
    """A key of `ScoreStore.environments()`."""


class ScoreStore:
    """Scores in one SQLite file, keyed by what they are scores of.

    Each `put` is one transaction: a process killed at any moment leaves whole puts behind and
    nothing else. Several processes may write at once; they queue. An instance belongs to the
    thread that made it. On a network disk one process at a time writes.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        """Open a store.

        Args:
            create: make the store, and the folders above it, where there is none.

        Raises:
            MissingData: there is no file and `create` is false.
            StorageError: the file cannot be opened, or is something else than a score store.
        """
        self.path = Path(path)
        self._connection = connect(self.path, create=create)
        self._file: FileWatch | None = FileWatch(self.path)
        self._writer: Writer | None = Writer(self.path)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ScoreStore:
        """Open existing scores for reading: a store, or a Parquet file exported from one.

        Args:
            path: the file; a name that ends in `.parquet` is read into memory, where writing to
                the result changes nothing on disk.

        Raises:
            MissingData: there is no file.
            MalformedInput: the Parquet file is damaged, or holds no exported scores.
            StorageError: the store cannot be opened, or is something else than a score store.
        """
        if Path(path).suffix.lower() != ".parquet":
            return cls(path, create=False)
        return _ExportedStore(read_export(Path(path)))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> ExportedScores:
        """Read all scores of a store, or of an export, to `absorb` them later.

        Args:
            path: a store, or a `.parquet` file exported from one; it is left as it is.

        Raises:
            MissingData: there is no file.
            MalformedInput: the Parquet file is damaged, or holds no exported scores.
            StorageError: the store cannot be opened, or is something else than a score store.
        """
        if Path(path).suffix.lower() == ".parquet":
            return read_export(Path(path))
        with ScoreStore(path, create=False) as other:
            return ExportedScores(
                other.path, other.frame(), other.protocols(), other.environments()
            )

    def absorb(
        self,
        source: str | os.PathLike[str] | ExportedScores,
        *,
        part: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    ) -> int:
        """Add the scores of another store, or of an export, with their protocols and environments.

        Args:
            source: a path as `load` takes it, or what `load` returned.
            part: takes the frame of all scores and returns the rows to add; None: all.

        Returns:
            How many rows were written: a score that is `ok` here stays as it is.

        Raises:
            StorageError: this store cannot be written. Errors of a path are those of `load`.
        """
        exported = source if isinstance(source, ExportedScores) else self.load(source)
        if part is not None:
            exported = replace(exported, frame=part(exported.frame))
        # everything is read before anything is written: a bad row leaves this store as it was
        parts = list(exported.by_environment())
        for digest, canonical in exported.protocols.items():
            if canonical:
                self.put_protocol(digest, canonical)
        return sum(self.put(scores, environment) for environment, scores in parts)

    def put(
        self, scores: Iterable[Score], environment: Environment, *, replace_ok: bool = False
    ) -> int:
        """Store scores, all or none.

        A stored score with status `ok` stays as it is; any other is replaced.

        Args:
            scores: in any order; the same key twice follows the same rule.
            replace_ok: replace also a score that is `ok`, if the new one is, too.

        Returns:
            How many rows were written.

        Raises:
            StorageError: they cannot be written (disk full, read-only, locked); nothing of this
                call is stored and everything stored before is kept.
        """
        # All rows are made before the lock is taken: the iterable may be slow, or may raise.
        batch = list(scores)
        digest = environment.digest
        rows = [_row(score, digest) for score in batch]
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO environment (digest, canonical) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [digest, environment.canonical],
            )
            for table, columns, values in (
                ("network", "space, architecture", {(s.space, s.architecture) for s in batch}),
                ("indicator", "name, version", {(s.indicator, s.version) for s in batch}),
                ("protocol", "digest", {(s.protocol,) for s in batch}),
            ):
                marks = ", ".join("?" for _ in columns.split(","))
                connection.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608
                    sorted(values),
                )
            return connection.executemany(PUT_AGAIN if replace_ok else PUT, rows).rowcount

    def put_protocol(self, digest: str, canonical: str) -> None:
        """Store what a protocol's digest stands for, as canonical JSON.

        Raises:
            StorageError: it cannot be written.
        """
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO protocol (digest, canonical) VALUES (?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET canonical = excluded.canonical",
                [digest, canonical],
            )

    def missing(self, keys: Iterable[ScoreKey], *, retry_failed: bool = False) -> list[ScoreKey]:
        """List the keys that are not stored yet, each once, in the given order.

        Args:
            retry_failed: count a score whose status is not `ok` as missing.
        """
        wanted = dict.fromkeys(keys)
        stored: dict[tuple[Any, ...], set[str]] = {}
        for key in wanted:
            group = key[:1] + key[2:]
            if group not in stored:
                rows = self.rows(*group)
                stored[group] = {
                    row.architecture for row in rows if not retry_failed or row.status == "ok"
                }
        return [key for key in wanted if key.architecture not in stored[key[:1] + key[2:]]]

    def rows(
        self, space: str, indicator: str, version: int, protocol: str, seed: int
    ) -> Iterator[StoredRow]:
        """Read what is stored of one indicator under one protocol and seed, in no order."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT network.architecture, score.status, score.reason, score.representative, "
                f"score.environment {ROWS} WHERE network.space = ? AND indicator.name = ? "
                "AND indicator.version = ? AND protocol.digest = ? AND score.seed = ?",
                (space, indicator, version, protocol, seed),
            )
            yield from map(StoredRow._make, found)

    def frame(
        self,
        *,
        space: str | None = None,
        indicators: Sequence[str] | None = None,
        protocol: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Read the stored scores in long form, one row a score.

        Args:
            space: only of this search space, as all arguments limit what is read.
            indicators: with all their versions.
            protocol: a digest.

        Returns:
            A frame with the columns and types of `COLUMNS`, sorted by space, architecture,
            indicator, version, protocol and seed, so that equal contents give equal frames.
            `value` is NaN where `status` is not `ok`; `environment` is a key of `environments()`.
        """
        import pandas as pd

        wanted = {"network.space": space, "protocol.digest": protocol, "score.seed": seed}
        given = {column: value for column, value in wanted.items() if value is not None}
        conditions, values = [f"{column} = ?" for column in given], [*given.values()]
        if indicators is not None:
            conditions.append(f"indicator.name IN ({', '.join('?' for _ in indicators)})")
            values += indicators
        where = " AND ".join(conditions) or "TRUE"
        with self._reading() as connection:
            rows = connection.execute(
                f"{FRAME} WHERE {where} ORDER BY 1, 2, 3, 4, 5, 6", values
            ).fetchall()
            columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
            return pd.DataFrame(
                {
                    name: _series(list(values), dtype)
                    for (name, dtype), values in zip(COLUMNS.items(), columns, strict=True)
                }
            )

    def count_by_status(self) -> dict[str, int]:
        """Count the scores of each status, sorted by status."""
        with self._reading() as connection:
            return dict(
                connection.execute("SELECT status, count(*) FROM score GROUP BY status ORDER BY 1")
            )

    def costs(self) -> list[dict[str, Any]]:
        """Sum up what each indicator has cost, the costliest first.

        Returns:
            For each indicator and version: `scores` that were measured (shared ones once), `not_ok`
            of them; seconds alone as `mean_s`, `longest_s` and `total_s`; largest `peak_bytes`.
            None is what was not measured.
        """
        with self._reading() as connection:
            cursor = connection.execute(COSTS)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def protocols(self) -> dict[str, str]:
        """Read the canonical JSON of every protocol by digest; empty if only a digest is known."""
        with self._reading() as connection:
            rows = connection.execute("SELECT digest, canonical FROM protocol ORDER BY digest")
            return {digest: canonical or "" for digest, canonical in rows}

    def environments(self) -> dict[int, Environment]:
        """Read every environment by the number that `frame` shows."""
        with self._reading() as connection:
            rows = connection.execute("SELECT id, canonical FROM environment ORDER BY id")
            return {number: Environment.from_json(canonical) for number, canonical in rows}

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write all scores to one file; the suffix decides the format.

        Args:
            path: `.csv`, in which a reason that a spreadsheet would take for a formula begins with
                an apostrophe; or `.parquet`, which also holds the protocols and environments, as
                JSON in the schema metadata `untrained.protocols` and `untrained.environments`.

        Raises:
            MalformedInput: another suffix.
            StorageError: the file cannot be written; what was there before is kept.
        """
        frame = self.frame()
        if Path(path).suffix.lower() == ".csv":
            frame["reason"] = frame["reason"].map(spreadsheet_cell)
        return write_frame(
            frame,
            Path(path),
            metadata={
                "untrained.protocols": self.protocols(),
                "untrained.environments": {
                    str(number): environment.canonical
                    for number, environment in self.environments().items()
                },
            },
        )

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._connection.close()
        if self._writer is not None:
            self._writer.release()

    @property
    def network_disk(self) -> str | None:
        """The kind of network disk that the store is on; None on a local disk."""
        return self._writer.disk if self._writer else None

    def __enter__(self) -> ScoreStore:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._check_file("write to")
        if self._writer is not None:
            self._writer.claim()
        with storage_errors(self.path, "write to"), transaction(self._connection):
            yield self._connection
        self._check_file("write to")  # it has grown, or the rows went into a file that is gone

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._check_file("read")
        with storage_errors(self.path, "read"):
            yield self._connection

    def _check_file(self, doing: str) -> None:
        if self._file is not None:
            self._file.check(doing)


class _ExportedStore(ScoreStore):
    """Scores of a Parquet file in memory."""

    def __init__(self, exported: ExportedScores) -> None:
        self.path = exported.path
        self._connection = connect_memory()
        self._file = self._writer = None
        self.absorb(exported)


def _series(values: list[Any], dtype: str) -> pd.Series[Any]:
    """Make a column; pandas 2 would write a missing text as `None`."""
    import pandas as pd

    column = pd.Series(values, dtype=dtype)
    if dtype == "str" and None in values:
        column[[value is None for value in values]] = None
    return column


def _row(score: Score, environment: str) -> tuple[object, ...]:
    return (
        *(score.space, score.architecture, score.indicator, score.version, score.protocol),
        *(score.seed, _number(score.value), score.status),
        # a reason quotes other people's error texts: it may hold what UTF-8 cannot
        score.reason.encode("utf-8", "backslashreplace").decode(),
        *(_number(score.alone_s), score.peak_bytes, score.representative, environment),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def frame(
    source: ScoreStore | str | os.PathLike[str],
    *,
    space: str | None = None,
    indicators: Sequence[str] | None = None,
    protocol: str | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """Read scores as a table: one row an architecture, one column an indicator.

    A value is the mean over the seeds of the scores that are `ok`; NaN: the architecture has none.

    Args:
        source: a store, or the file of one or of its export.
        space: needed where the store has several.
        indicators: those of the columns; by default all.
        protocol: a digest, needed where an indicator was scored under several.
        seed: that of the scores; by default all.

    Raises:
        MissingData: there is no such score.
        UserError: the scores are of several spaces, versions or protocols.
    """
    if not isinstance(source, ScoreStore):
        with ScoreStore.read(source) as store:
            return frame(store, space=space, indicators=indicators, protocol=protocol, seed=seed)
    scores = source.frame(space=space, indicators=indicators, protocol=protocol, seed=seed)
    if scores.empty:
        raise MissingData(
            "cannot make a table of scores: the store has none that fit. Score architectures "
            "first (untrained score), or ask for others."
        )
    _refuse_several(scores, ["space"], "space")
    _refuse_several(scores, ["indicator", "version", "protocol"], "protocol")
    table = scores.pivot_table(
        index="architecture", columns="indicator", values="value", aggfunc="mean", dropna=False
    )
    return table.rename_axis(columns=None)


def _refuse_several(scores: pd.DataFrame, columns: list[str], argument: str) -> None:
    """Refuse scores that one column of a table cannot hold together."""
    found = scores[columns].drop_duplicates()
    if columns[0] != "space":
        found = found[found.duplicated(columns[0], keep=False)]
    elif len(found) == 1:
        return
    if len(found):
        shown = ", ".join(" ".join(map(str, row)) for row in found.itertuples(index=False))
        raise UserError(
            f"cannot make one table of scores of different conditions: {shown}. Choose one with "
            f"{argument}=."
        )
