"""A baseline: scores and true values of a study that were committed as correct, and its files.

Files are found by name, read and checked, and replaced all or none.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from untrained.foundation import MalformedInput, MissingData, StorageError, UnknownName, suggest
from untrained.results import STATUSES
from untrained.spaces import Target

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named

R = TypeVar("R")

DIGITS = 9
"""Significant digits of a score: a single-precision number survives them."""
WHOLE = 2.0**53
"""Whole numbers below are written whole, parameter counts above all."""


FORMAT = 1
"""Increased when readers of the files must change."""
GOLDEN, INDICATORS, NETWORKS, SCORES = "golden.csv", "indicators.csv", "networks.csv", "scores.csv"
GOLDEN_COLUMNS = ("indicator", "network", "version", "score", "tolerance")
PROVENANCE, STUDY = "provenance.json", "study.toml"
_STAGED, _READY = ".update.partial", ".update"


@dataclass(frozen=True, slots=True)
class GoldenScore:
    """The committed score of one golden network."""

    indicator: str
    network: str
    version: int
    """Version of the indicator."""
    value: float
    """NaN where the score diverged."""
    tolerance: float
    """Relative difference that rounding on another machine may make."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of an indicator when its scores were measured."""

    indicator: str
    version: int
    protocol: str
    """Digest."""
    higher_is_better: bool
    repeatable: bool
    """Whether the same seed gave the same bits twice."""
    conditions: str
    """The protocol in words."""


@dataclass(frozen=True, slots=True)
class BaselineTruth:
    """The source of the true values of one space."""

    benchmark: str
    target: Target
    higher_is_better: bool
    source: str
    sha256: str
    """Digest of the file with the values."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Golden scores and, where there is a study, its scores and true values."""

    name: str
    folder: Path
    golden: tuple[GoldenScore, ...]
    """Sorted by indicator and network."""
    provenance: Mapping[str, Any]
    """Versions, command, populations: for people."""
    study: Named[Study] | None = None
    """None: golden scores alone."""
    seeds: tuple[int, ...] = ()
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """By indicator, in alphabetical order."""
    truths: Mapping[str, BaselineTruth] = field(default_factory=dict)
    """By search space."""
    values: Mapping[str, pd.Series[float]] = field(default_factory=dict)
    """True values by search space, indexed by architecture; NaN where there is none."""
    scores: Mapping[tuple[str, str], pd.DataFrame] = field(default_factory=dict)
    """By search space and indicator: one column a seed, indexed by architecture."""

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Networks of each search space, in alphabetical order."""
        return {space: tuple(map(str, v.index)) for space, v in self.values.items()}


def builtin_folder() -> Path:
    """Return the folder of the committed baselines."""
    return Path(str(files("untrained.results") / "committed" / "baselines"))


def builtin_baselines() -> list[str]:
    """List the names of the committed baselines, sorted."""
    folder = builtin_folder()
    return sorted(p.name for p in folder.iterdir() if (p / PROVENANCE).is_file())


def baseline_folder(name: str) -> Path:
    """Return the folder of a baseline: an existing one, a built-in one, else the name as a path."""
    path = Path(name)
    if path.is_dir() or len(path.parts) > 1 or name not in builtin_baselines():
        return path
    return builtin_folder() / name


def baseline_label(folder: Path) -> str:
    """Return the name of a baseline on the command line: built-in name or folder."""
    if folder.resolve().parent == builtin_folder().resolve():
        return folder.resolve().name
    return str(folder)


def load_baseline(name: str, *, check_names: bool = True) -> Baseline:
    """Read the baseline in a folder, or the built-in one of that name.

    Names in its study are looked up only if they are to be checked: a list needs none.

    Raises:
        UnknownName: neither a folder nor a built-in baseline.
        MissingData: a folder without a baseline, or with a part of one.
        MalformedInput: a file was cut short or edited, or a name in the study does not exist; the
            message names file and line.
    """
    folder = baseline_folder(name)
    if not folder.is_dir():
        raise UnknownName(
            "baseline",
            name,
            builtin_baselines(),
            f"or name a folder; untrained check {name} --study STUDY --update makes one",
        )
    _finish_update(folder)
    if not (folder / PROVENANCE).is_file():
        raise MissingData(
            f"the folder {str(folder)!r} holds no baseline: it has no {PROVENANCE}; built-in are: "
            f"{', '.join(builtin_baselines())}; untrained check {name} --study STUDY --update "
            "makes one there"
        )
    return _read(folder, check_names=check_names)


def write_baseline(folder: Path, contents: Mapping[str, str]) -> list[str]:
    """Replace the files of a baseline, all or none; other files of the folder stay as they are.

    New files are written to a staging folder, which one atomic rename commits. A program that is
    killed before leaves the old baseline; after it, the next reader moves the files into place.

    Args:
        contents: by file name; hashes of the files are added to the provenance.

    Returns:
        The names of files whose content has changed, sorted.

    Raises:
        StorageError: a file cannot be written; the old baseline is kept.
    """
    document = json.loads(contents[PROVENANCE])
    document["files"] = {
        name: _sha256(text) for name, text in sorted(contents.items()) if name.endswith(".csv")
    }
    whole = dict(contents) | {PROVENANCE: json.dumps(document, indent=2, ensure_ascii=False) + "\n"}
    before = {n: p.read_bytes() if (p := folder / n).is_file() else None for n in whole}
    staged = folder / _STAGED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for name, text in whole.items():
            with open(staged / name, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        staged.replace(folder / _READY)
        _finish_update(folder)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise StorageError(
            f"the baseline in {str(folder)!r} cannot be written: {error.strerror or error}; what "
            "was there before is kept; make room, or name a folder you can write to"
        ) from error
    return sorted(name for name, text in whole.items() if before[name] != text.encode())


def _finish_update(folder: Path) -> None:
    """Move the files of a committed update into place."""
    ready = folder / _READY
    if ready.is_dir():
        for file in sorted(ready.iterdir()):
            file.replace(folder / file.name)
        ready.rmdir()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(folder: Path, *, check_names: bool) -> Baseline:
    provenance = _read_provenance(folder / PROVENANCE)
    texts = {name: read_text(folder / name) for name in provenance["files"]}
    golden = tuple(read_golden(texts.get(GOLDEN, ""), folder / GOLDEN))
    baseline = Baseline(folder.resolve().name, folder, golden, provenance)
    if (folder / STUDY).is_file():
        baseline = _with_study(baseline, texts, check_names=check_names)
    # after everything was read: what cannot be read is said with its line
    for name, digest in provenance["files"].items():
        if _sha256(texts[name]) != digest:
            raise malformed(
                str(folder / name), "is not as --update wrote it: it was edited or cut short"
            )
    return baseline


def _read_provenance(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(read_text(path))
        known = document["format"] == FORMAT and isinstance(document["files"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(str(path), f"is no provenance of a baseline ({error})") from error
    if not known:
        raise malformed(
            str(path), f"has the format {document['format']!r}; this version reads {FORMAT}"
        )
    return document


def read_golden(text: str, path: Path) -> list[GoldenScore]:
    """Parse the golden scores of a CSV document.

    Raises:
        MalformedInput: it holds something else; the message names the line.
    """
    return [
        GoldenScore(
            row.text("indicator"),
            row.text("network"),
            row.whole("version"),
            math.nan if row.text("score") in STATUSES else row.number("score"),
            row.number("tolerance"),
        )
        for row in read_rows(text, path, GOLDEN_COLUMNS)
    ]


def _with_study(baseline: Baseline, texts: Mapping[str, str], *, check_names: bool) -> Baseline:
    from untrained.harness.study.study_file import parse_study

    folder, provenance = baseline.folder, baseline.provenance
    for name in (INDICATORS, NETWORKS, SCORES):
        if name not in texts:
            raise malformed(str(folder / PROVENANCE), f"names no file {name}")
    seeds, scores = read_scores(texts[SCORES], folder / SCORES)
    values = read_values(texts[NETWORKS], folder / NETWORKS)
    for (space, indicator), frame in scores.items():
        lost = [a for a in frame.index if a not in values.get(space, ())]
        if lost:
            raise malformed(
                str(folder / SCORES),
                f"{indicator} has a score of {lost[0]!r}, which {NETWORKS} does not list",
            )
    try:
        truths = {
            space: BaselineTruth(
                entry["benchmark"],
                Target(entry["dataset"], entry["metric"], entry["epochs"], entry["seed"]),
                entry["higher_is_better"],
                entry["source"],
                entry["sha256"],
            )
            for space, entry in provenance["truths"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise malformed(str(folder / PROVENANCE), f"truths lack {error}") from error
    path = folder / STUDY
    return replace(
        baseline,
        study=parse_study(
            read_text(path),
            place=str(path),
            folder=folder,
            command=str(provenance.get("command", "")),
            check_names=check_names,
        ),
        seeds=seeds,
        definitions=_definitions(texts[INDICATORS], folder / INDICATORS),
        truths=truths,
        values=values,
        scores={key: frame.reindex(values[key[0]].index) for key, frame in scores.items()},
    )


def _definitions(text: str, path: Path) -> dict[str, Definition]:
    columns = ("indicator", "version", "protocol", "higher_is_better", "repeatable", "conditions")
    definitions = (
        Definition(
            row.text("indicator"),
            row.whole("version"),
            row.text("protocol"),
            row.truth("higher_is_better"),
            row.truth("repeatable"),
            row.text("conditions"),
        )
        for row in read_rows(text, path, columns)
    )
    return {definition.indicator: definition for definition in definitions}


def read_values(text: str, path: Path) -> dict[str, pd.Series[float]]:
    """Parse the true values of a CSV document, by search space; NaN where there is none.

    Raises:
        MalformedInput: it holds something else; the message names the line.
    """
    import pandas as pd

    by_space: dict[str, dict[str, float]] = {}
    for row in read_rows(text, path, ("space", "architecture", "truth")):
        known = by_space.setdefault(row.text("space"), {})
        if row.text("architecture") in known:
            raise malformed(row.place, "the architecture is listed twice")
        known[row.text("architecture")] = row.number("truth") if row.fields["truth"] else math.nan
    return {space: pd.Series(known, dtype="float64") for space, known in by_space.items()}


def read_scores(
    text: str, path: Path
) -> tuple[tuple[int, ...], dict[tuple[str, str], pd.DataFrame]]:
    """Parse the seeds and scores of a CSV document.

    Raises:
        MalformedInput: it holds something else; the message names the line.
    """
    import pandas as pd

    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    seeds: tuple[int, ...] = ()
    for row in read_rows(text, path, ("indicator", "space", "architecture"), more="seed_"):
        names = [name for name in row.fields if name.startswith("seed_")]
        try:
            seeds = tuple(int(name.removeprefix("seed_")) for name in names)
        except ValueError as error:
            raise malformed(f"{path}:1", f"a column names no seed ({error})") from None
        part = found.setdefault((row.text("space"), row.text("indicator")), {})
        if row.text("architecture") in part:
            raise malformed(row.place, "the architecture is listed twice")
        part[row.text("architecture")] = [
            math.nan if row.text(name) in STATUSES else row.number(name) for name in names
        ]
    return seeds, {
        key: pd.DataFrame.from_dict(part, orient="index", columns=list(seeds), dtype="float64")
        for key, part in found.items()
    }


def score_text(value: float) -> str:
    """Format a number for a baseline; the same number always gives the same text.

    >>> [score_text(v) for v in (6459.0, 0.1, 1 / 3, float("-inf"), -0.0)]
    ['6459', '0.1', '0.333333333', '-inf', '0']
    """
    if math.isfinite(value) and value == int(value) and abs(value) < WHOLE:
        return str(int(value))
    return f"{value:.{DIGITS}g}"


def rounded(value: float) -> float:
    """Return a number as it is read back after it was written."""
    return float(score_text(value))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format a CSV document with unix line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file; the methods convert fields and raise `MalformedInput`."""

    place: str
    """File and line."""
    fields: dict[str, str]

    def text(self, name: str) -> str:
        """Return a text that must not be empty."""
        if not self.fields[name]:
            raise self._wrong(name, "should not be empty")
        return self.fields[name]

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return self._as(name, int, "should be a whole number")

    def number(self, name: str) -> float:
        """Return a number that must not be NaN."""
        value = self._as(name, float, "should be a number")
        if math.isnan(value):
            raise self._wrong(name, "should be a number, or empty where there is none")
        return value

    def truth(self, name: str) -> bool:
        """Return whether the field is yes; it must be yes or no."""
        if self.fields[name] not in ("yes", "no"):
            raise self._wrong(name, "should be yes or no")
        return self.fields[name] == "yes"

    def _as(self, name: str, kind: Callable[[str], R], expected: str) -> R:
        try:
            return kind(self.fields[name])
        except ValueError:
            raise self._wrong(name, expected) from None

    def _wrong(self, name: str, expected: str) -> MalformedInput:
        return malformed(self.place, f"{name} = {self.fields[name]!r}: {expected}")


def malformed(place: str, what: str) -> MalformedInput:
    """Make an error about a file of a baseline, with the remedy."""
    return MalformedInput(
        f"{place}: {what}; put the file back as it was committed (git checkout), or write the "
        "baseline anew with --update"
    )


def read_text(path: Path) -> str:
    """Read the text of a baseline's file, with unix line ends.

    Raises:
        MissingData: it is not there.
        MalformedInput: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise MissingData(
            f"the baseline {path.parent.name!r} lacks its file {path}; put it back as it was "
            "committed (git checkout), or write the baseline anew with --update"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise malformed(str(path), f"cannot be read: {error}") from error


def read_rows(
    text: str, path: Path, columns: Sequence[str], *, more: str | None = None
) -> Iterator[Row]:
    """Parse the lines of a CSV document; `more` begins the names of the columns at its end.

    Raises:
        MalformedInput: other columns, or a line with too few or too many fields.
    """
    lines = _lines(text, path)
    _, header = next(lines, ("", []))
    _check_header(header, path, columns, more)
    if not text.endswith("\n"):
        raise malformed(str(path), "the last line is cut short")
    for place, fields in lines:
        if len(fields) != len(header):
            raise malformed(place, f"{len(fields)} fields where the header has {len(header)}")
        yield Row(place, dict(zip(header, fields, strict=True)))


def _lines(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    lines = csv.reader(io.StringIO(text))
    try:
        for fields in lines:
            yield f"{path}:{lines.line_num}", fields
    except csv.Error as error:
        raise malformed(f"{path}:{lines.line_num}", f"is no line of a table ({error})") from error


def _check_header(header: list[str], path: Path, columns: Sequence[str], more: str | None) -> None:
    further = header[len(columns) :]
    expected = ",".join(columns) + (f",{more}..." if more else "")
    known = all(f.startswith(more) for f in further) if more else not further
    if header[: len(columns)] == list(columns) and known and (further or not more):
        return
    unknown = [f for f in header if f not in columns and not (more and f.startswith(more))]
    hint = f" ({unknown[0]!r}: {suggest(unknown[0], columns)})" if unknown else ""
    raise malformed(f"{path}:1", f"the columns are {','.join(header)!r}, not {expected!r}{hint}")
