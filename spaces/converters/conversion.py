"""Official files converted to tables, and tables verified."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tomllib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from untrained.foundation import MalformedInput, MissingData, Registry, StorageError, UserError
from untrained.spaces import Benchmark, Target, benchmarks, data_folder, spaces
from untrained.spaces.benchmarks.benchmark import MEAN


class Value(NamedTuple):
    """One value of one architecture; accuracies in percent."""

    architecture: str
    dataset: str
    metric: str
    epochs: int
    """0: the benchmark's own schedule, or nothing was trained."""
    seed: int
    """Number of the training run, from 0; -1 for what does not depend on a run."""
    value: float


Reader = Callable[[Path], Iterator[Value]]


@dataclass(frozen=True, slots=True)
class Converter:
    """Reads official files of one benchmark."""

    name: str
    """What the command line calls it, and the name of the table."""
    title: str
    """For the table's provenance."""
    takes: str
    """The official file or folder, for help and messages."""
    space: str
    """Registered name of the search space; its notation is checked and normalised."""
    note: str
    """What a user of the table must know."""
    read: Reader
    """Yields the values; a record that is not what it should be may fail in any way."""


converters: Registry[Converter] = Registry(
    "converter",
    package="untrained.spaces.converters",
    group="untrained.converters",
    hint="untrained data list",
)


def converter(
    name: str, *, title: str, takes: str, space: str | None = None, note: str = ""
) -> Callable[[Reader], Reader]:
    """Register the decorated function as the reader of a benchmark's official files.

    The arguments are the fields of `Converter`; by default the space has the benchmark's name. The
    decorator returns the function.
    """

    def register(read: Reader) -> Reader:
        converters.register(
            name, Converter(name, title, takes, space or name, note, read), origin=read.__module__
        )
        return read

    return register


class TableWriter:
    """Values by architecture and target in little memory; 10 bytes a value and the texts once."""

    def __init__(self) -> None:
        """Start empty."""
        self._architectures: dict[str, int] = {}
        self._targets: dict[tuple[str, str, int, int], int] = {}
        self._architecture, self._target, self._value = array("i"), array("h"), array("f")

    @property
    def num_architectures(self) -> int:
        """How many different architectures have a value."""
        return len(self._architectures)

    @property
    def num_values(self) -> int:
        """How many values were added, means not counted."""
        return len(self._value)

    def add(self, item: Value) -> None:
        """Take a value in; one that is not finite is left out, as a run that failed.

        Raises:
            ValueError: a number does not fit the table.
        """
        if not math.isfinite(item.value):
            return
        if not (0 <= item.epochs < 2**15 and MEAN <= item.seed < 2**7):
            raise ValueError(f"epochs {item.epochs} or run {item.seed} is out of range")
        row = self._architectures.setdefault(item.architecture, len(self._architectures))
        target = (item.dataset, item.metric, item.epochs, item.seed)
        column = self._targets.setdefault(target, len(self._targets))
        self._architecture.append(row)
        self._target.append(column)
        self._value.append(item.value)

    def table(self, provenance: str) -> pa.Table:
        """All values, and the means over the training runs.

        Raises:
            ValueError: something has two values.
        """
        rows, columns, values = self._with_means()
        datasets, metrics, epochs, seeds = zip(*self._targets, strict=True)
        architectures = pa.DictionaryArray.from_arrays(
            pa.array(rows), pa.array(list(self._architectures))
        )
        return pa.table(
            {
                "architecture": architectures,
                "dataset": pa.array(datasets).dictionary_encode().take(pa.array(columns)),
                "metric": pa.array(metrics).dictionary_encode().take(pa.array(columns)),
                "epochs": np.array(epochs, np.int16)[columns],
                "seed": np.array(seeds, np.int8)[columns],
                "value": values.astype(np.float32),
            }
        ).replace_schema_metadata({"untrained.provenance": provenance})

    def _with_means(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Architecture, target and value of each row: the runs, then the mean over them."""
        rows = np.array(self._architecture, dtype=np.int32)
        columns = np.array(self._target, dtype=np.int32)
        values = np.array(self._value, dtype=np.float64)
        of_runs = [t for t in self._targets if t[3] != MEAN]
        means = {t: self._targets.setdefault((*t[:3], MEAN), len(self._targets)) for t in of_runs}
        to_mean = np.full(len(self._targets), -1)
        for target, mean in means.items():
            to_mean[self._targets[target]] = mean
        averaged = to_mean[columns] >= 0
        cell = rows[averaged].astype(np.int64) * len(self._targets) + to_mean[columns[averaged]]
        cells, place = np.unique(cell, return_inverse=True)
        totals = np.bincount(place, weights=values[averaged], minlength=cells.size)
        counts = np.bincount(place, minlength=cells.size)
        given = np.concatenate([rows.astype(np.int64) * len(self._targets) + columns, cells])
        once, times = np.unique(given, return_counts=True)
        if once.size < given.size:
            row, column = divmod(int(once[times > 1][0]), len(self._targets))
            raise ValueError(
                f"{list(self._architectures)[row]} has two values of {list(self._targets)[column]}"
            )
        return (
            np.concatenate([rows, (cells // len(self._targets)).astype(np.int32)]),
            np.concatenate([columns, (cells % len(self._targets)).astype(np.int32)]),
            np.concatenate([values, totals / np.maximum(counts, 1)]),
        )


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table, whole or not at all.

    Raises:
        OSError: it cannot be written; the path is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        pq.write_table(table, partial, compression="zstd")
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def refuse_to_replace(path: Path, *, replace: bool) -> None:
    """Raise a `UserError` where a file is in the way, unless it is to be replaced."""
    if path.exists() and not replace:
        raise UserError(
            f"{path} exists already and would be written over; move it away, or say --replace"
        )


@dataclass(frozen=True, slots=True)
class Converted:
    """A table that was written."""

    path: Path
    num_architectures: int
    num_values: int


def convert(
    name: str,
    source: Path,
    *,
    folder: Path | None = None,
    replace: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Converted:
    """Read official files and write the benchmark's table.

    Architectures are written in the notation of their search space. Beside the single training
    runs the table has their mean (seed -1). An existing table stays as it is unless the new one is
    complete.

    Args:
        source: the official file or folder.
        folder: data folder to write into; by default that of the user.
        replace: write over an existing table.
        progress: told the number of architectures read so far.

    Raises:
        UnknownName: no such converter.
        MissingData: the source is not there.
        UserError: there is a table already and `replace` is off.
        MalformedInput: the source is not what it should be; nothing is written.
        StorageError: the table cannot be written; nothing is left behind.
    """
    chosen = converters[name]
    if not source.exists():
        raise MissingData(f"{source} does not exist; {name} is converted from {chosen.takes}")
    path = (folder or data_folder()) / "tables" / f"{name}.parquet"
    refuse_to_replace(path, replace=replace)
    writer = TableWriter()
    try:
        for value in _checked(chosen, source, progress):
            writer.add(value)
        if not writer.num_values:
            raise ValueError("it holds no value")
        table = writer.table(_provenance(chosen, source))
    except UserError:
        raise
    except Exception as error:  # foreign data fails in every way there is
        reason = str(error).strip().splitlines()
        raise MalformedInput(
            f"{source} was to be read as {chosen.title}, but it is not what it should be "
            f"({type(error).__name__}: {reason[0] if reason else 'no details'}); expected is "
            f"{chosen.takes}: get an undamaged copy"
        ) from error
    try:
        write_table(table, path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror or error}); nothing was left there; "
            "make room, or name another folder with --output"
        ) from error
    return Converted(path, writer.num_architectures, writer.num_values)


def _checked(chosen: Converter, source: Path, progress: Callable[[int], None]) -> Iterator[Value]:
    """The values, their architectures in the space's own notation."""
    space = spaces[chosen.space]
    known: dict[str, str] = {}
    for value in chosen.read(source):
        text = known.get(value.architecture)
        if text is None:
            try:
                text = known[value.architecture] = space.parse(value.architecture).text
            except MalformedInput as error:  # it does not know the file, the caller does
                raise ValueError(str(error)) from error
            progress(len(known))
        yield value._replace(architecture=text)


def _provenance(chosen: Converter, source: Path) -> str:
    return json.dumps(
        {
            "title": chosen.title,
            "kind": "tabular",
            "note": chosen.note,
            "source": source.name,
            "source_sha256": _digest(source),
        }
    )


def _digest(source: Path) -> str:
    """SHA-256 of a file; of a folder, that of its files' names and contents, in order."""
    total = hashlib.sha256()
    for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
        if not file.is_file():
            continue
        if source.is_dir():
            total.update(str(file.relative_to(source)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is known, and what the table has."""

    what: str
    expected: str
    found: str
    holds: bool

    def row(self) -> dict[str, str]:
        """For a table."""
        holds = "yes" if self.holds else "NO"
        return {"what": self.what, "expected": self.expected, "found": self.found, "holds": holds}


@cache
def _known() -> dict[str, Any]:
    text = files("untrained.spaces.converters").joinpath("known_values.toml").read_text("utf-8")
    return tomllib.loads(text)


def verify(name: str) -> list[Check]:
    """Check a benchmark's table.

    Returns:
        That it can be read, that every architecture is one of the space in its own notation, and
        counts, optima and single values where they are known.

    Raises:
        UnknownName: no such benchmark.
        MissingData: its data is not there.
    """
    benchmark = benchmarks[name]
    if not benchmark.enumerable:
        return list(_values(name, benchmark))
    try:
        architectures = set().union(
            *(benchmark.table(target)["architecture"] for target in benchmark.targets())
        )
    except UserError as damage:
        if benchmark.missing() is not None:
            raise
        return [Check("readable", "a table", str(damage), holds=False)]
    return [
        _notation(benchmark, architectures),
        *_counts(name, len(architectures)),
        *_optima(name, benchmark),
        *_values(name, benchmark),
    ]


def _notation(benchmark: Benchmark, architectures: set[str]) -> Check:
    space = spaces[benchmark.space]
    strange = ""
    for text in sorted(architectures):
        try:
            if space.parse(text).text != text:
                strange = text
        except UserError:
            strange = text
        if strange:
            break
    return Check(
        "architectures",
        f"of {space.name}, in its notation",
        f"{strange!r} is not" if strange else f"all {len(architectures):,} are",
        holds=not strange,
    )


def _counts(name: str, found: int) -> Iterator[Check]:
    expected = _known().get(name, {}).get("architectures")
    if expected is not None:
        yield Check("number", f"{expected:,}", f"{found:,}", holds=found == expected)


def _optima(name: str, benchmark: Benchmark) -> Iterator[Check]:
    for known in _known().get(name, {}).get("best", []):
        asked = {key: known[key] for key in ("dataset", "metric", "epochs")}
        what = f"best {asked['dataset']} {asked['metric']} after {asked['epochs']} epochs"
        expected = f"{known['value']:.2f}"
        try:
            best = float(benchmark.best(**asked)["value"].iloc[0])
        except UserError:
            yield Check(what, expected, "no such values", holds=False)
            continue
        holds = abs(best - known["value"]) <= known["within"]
        yield Check(what, expected, f"{best:.3f}", holds=holds)


def _values(name: str, benchmark: Benchmark) -> Iterator[Check]:
    """Compare values of single architectures, and find known values under another label."""
    about = _known().get(name, {})
    about = _known()[about["same_as"]] if "same_as" in about else about
    known: dict[str, dict[str, float]] = about.get("values", {})
    within: float | None = about.get("within")
    wrong, compared = "", 0
    for label, target in {_label(target): target for target in benchmark.targets()}.items():
        column = benchmark.values(known, replace(target, seed=MEAN)).dropna()
        found = {str(text): float(value) for text, value in column.items()}
        expected = {text: known[text][label] for text in found if label in known[text]}
        compared += len(expected)
        differs = [t for t, value in expected.items() if not _equal(found[t], value, within)]
        if differs:
            text = differs[0]
            wrong = f"{label} of {text} is {found[text]:.6g}, not {expected[text]:.6g}"
        if (differs or not expected) and len(found) > 1:
            for other in known[next(iter(found))]:
                alike = all(_equal(found[text], known[text].get(other), within) for text in found)
                if alike and other.startswith(f"{target.dataset} "):
                    wrong = f"{label} has the values that are known of {other}"
    if compared or wrong:
        yield Check(
            "known values",
            "all equal" if within is None else f"within {within}",
            wrong or f"{compared} of {compared}",
            not wrong,
        )


def _label(target: Target) -> str:
    return f"{target.dataset} {target.metric} {target.epochs}"


def _equal(found: float, known: float | None, within: float | None) -> bool:
    if known is None:
        return False
    return abs(found - known) <= (1e-4 * abs(known) if within is None else within)
