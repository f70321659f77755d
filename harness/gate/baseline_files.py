"""A baseline as files: found by name, read with every check, replaced as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.foundation import MissingData, StorageError, UnknownName
from untrained.harness.gate.baseline import Baseline, BaselineTruth, Definition, GoldenScore
from untrained.harness.gate.baseline_table import malformed, read_rows, read_text
from untrained.results import STATUSES
from untrained.spaces import Target

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""Raised when a reader of the files must know."""
GOLDEN, INDICATORS, NETWORKS, SCORES = "golden.csv", "indicators.csv", "networks.csv", "scores.csv"
GOLDEN_COLUMNS = ("indicator", "network", "version", "score", "tolerance")
PROVENANCE, STUDY = "provenance.json", "study.toml"
_STAGED, _READY = ".update.partial", ".update"


def builtin_folder() -> Path:
    """Where the baselines that come with the project lie."""
    return Path(str(files("untrained.results") / "committed" / "baselines"))


def builtin_baselines() -> list[str]:
    """Their names, sorted."""
    folder = builtin_folder()
    return sorted(p.name for p in folder.iterdir() if (p / PROVENANCE).is_file())


def baseline_folder(name: str) -> Path:
    """The folder that a name stands for: one that is there, a built-in one, else as it is named."""
    path = Path(name)
    if path.is_dir() or len(path.parts) > 1 or name not in builtin_baselines():
        return path
    return builtin_folder() / name


def baseline_label(folder: Path) -> str:
    """What a baseline is called on the command line: a built-in one by name, else its folder."""
    if folder.resolve().parent == builtin_folder().resolve():
        return folder.resolve().name
    return str(folder)


def load_baseline(name: str) -> Baseline:
    """The baseline in a folder, or the built-in one of that name.

    Raises:
        UnknownName: neither a folder nor a built-in baseline.
        MissingData: a folder without a baseline, or with a part of one.
        MalformedInput: a file was cut short or edited; the message names file and line.
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
    return _read(folder)


def write_baseline(folder: Path, contents: Mapping[str, str]) -> list[str]:
    """Replace a baseline's files, all or none; other files of the folder are left alone.

    Everything is written beside its place first, and counts from the moment that this is complete:
    a program that is killed before leaves the old baseline, and one that is killed after leaves the
    new one, which the next reader moves into place.

    Args:
        contents: by file name; the hashes that protect them are added to the provenance.

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
    """Move the files of a complete update into place."""
    ready = folder / _READY
    if ready.is_dir():
        for file in sorted(ready.iterdir()):
            file.replace(folder / file.name)
        ready.rmdir()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(folder: Path) -> Baseline:
    provenance = _read_provenance(folder / PROVENANCE)
    texts = {name: read_text(folder / name) for name in provenance["files"]}
    golden = tuple(read_golden(texts.get(GOLDEN, ""), folder / GOLDEN))
    baseline = Baseline(folder.resolve().name, folder, golden, provenance)
    if (folder / STUDY).is_file():
        baseline = _with_study(baseline, texts)
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
    """The golden scores in a CSV document.

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


def _with_study(baseline: Baseline, texts: Mapping[str, str]) -> Baseline:
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
    return Baseline(
        baseline.name,
        folder,
        baseline.golden,
        provenance,
        study=parse_study(
            read_text(path),
            place=str(path),
            folder=folder,
            command=str(provenance.get("command", "")),
        ),
        seeds=seeds,
        definitions=_definitions(texts[INDICATORS], folder / INDICATORS),
        truths=truths,
        values=values,
        scores={key: frame.reindex(values[key[0]].index) for key, frame in scores.items()},
    )


def _definitions(text: str, path: Path) -> dict[str, Definition]:
    columns = ("indicator", "version", "protocol", "higher_is_better", "repeatable", "conditions")
    found = [
        Definition(
            row.text("indicator"),
            row.whole("version"),
            row.text("protocol"),
            row.truth("higher_is_better"),
            row.truth("repeatable"),
            row.text("conditions"),
        )
        for row in read_rows(text, path, columns)
    ]
    return {one.indicator: one for one in found}


def read_values(text: str, path: Path) -> dict[str, pd.Series[float]]:
    """The true values in a CSV document, by search space; NaN where there is none.

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
    """The seeds and scores in a CSV document.

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
