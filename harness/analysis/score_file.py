"""Scores that others computed: NAS-Bench-Suite-Zero's JSON, and tables of one column a score."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, UserError, suggest
from untrained.harness.analysis.score_selection import (
    ScoreFile,
    ScoreSelection,
    check_members,
    population_text,
)
from untrained.indicators import indicators
from untrained.results.aggregates import BoundAggregate
from untrained.spaces import spaces
from untrained.spaces.framework.architecture_file import COLUMNS, read_text, split_table

_WHAT = "the scores"
_EXPECTED = (
    "Give a CSV or Parquet table with a column `architecture` and one column an indicator, or a "
    "zc_*.json of NAS-Bench-Suite-Zero"
)
_TRUTH = ("accuracy", "acc", "loss", "error", "miou", "ssim", "perplexity")
"""Last words of the names of columns that are results of training, not scores."""
_COUNTERS = ("", "index", "id", "seed", "epochs", "unnamed: 0", "__index_level_0__")
_EMPTY = ("", "nan", "na", "none", "null", "-")


@dataclass(frozen=True, slots=True)
class _Network:
    """One network of a file."""

    place: str
    """File and line, or key, for messages."""
    architecture: str
    dataset: str | None
    scores: Mapping[str, Any]
    times: Mapping[str, Any]


def is_score_file(path: Path) -> bool:
    """Tell whether a file is a table of others' scores, not a store or an export of one."""
    suffix = path.suffix.lower()
    if suffix != ".parquet":
        return suffix in (".json", ".csv", ".tsv", ".txt")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = [str(name).lower() for name in pq.read_schema(path).names]
    except (*READ_ERRORS, pa.ArrowException):
        return False  # the reader of exports says what is wrong
    return "indicator" not in names and any(name in names for name in COLUMNS)


def select_file_scores(
    path: Path,
    space: str | None,
    *,
    dataset: str | None = None,
    lower_is_better: Sequence[str] = (),
    aggregates: Sequence[BoundAggregate] = (),
) -> ScoreSelection:
    """Read others' scores of one search space, for a table.

    Args:
        space: search space of the architectures, which the file does not say.
        dataset: the part of a file of several datasets.
        lower_is_better: columns whose lower values are better.

    Raises:
        MissingData: the file does not exist, or an aggregate has no scores of a member.
        UserError: no space or dataset is chosen, or a column of `lower_is_better` is not there.
        MalformedInput: the file is no such table, or a cell is no number or architecture.
    """
    import pandas as pd

    if space is None:
        raise UserError(
            f"cannot read {_WHAT} {path}: the file does not say which search space its "
            f"architectures belong to. Name it with --space; there are: {', '.join(spaces)}."
        )
    if path.suffix.lower() == ".json":
        networks, notes = _from_json(path)
    else:
        networks, notes = _from_table(path)
    networks, chosen = _of_dataset(path, networks, dataset)
    rows: dict[str, _Network] = {}
    own = _own_texts(space, len(networks))
    for one in networks:
        try:
            text = one.architecture
            if text not in own:
                text = spaces[space].parse(text).text
        except UserError as error:
            raise MalformedInput(f"{one.place}: {error}") from error
        first = rows.setdefault(text, one)
        if first is not one and repr(first.scores) != repr(one.scores):
            raise MalformedInput(
                f"{one.place}: the architecture {text!r} has other scores at {first.place}. "
                "Remove one of the two rows."
            )
    names = list(dict.fromkeys(name for one in rows.values() for name in one.scores))
    if not names:
        raise MalformedInput(f"cannot read {_WHAT} {path}: it has no scores. {_EXPECTED}.")
    for name in lower_is_better:
        if name not in names:
            raise UserError(f"{path} has no scores {name!r}. {suggest(name, names)}")
    frame = pd.DataFrame(
        [
            (text, name, _number(one, name, one.scores), _number(one, name, one.times))
            for text, one in rows.items()
            for name in names
        ],
        columns=["architecture", "indicator", "value", "alone_s"],
    )
    frame["status"] = frame["value"].notna().map({True: "ok", False: "error"})
    frame = frame.assign(version=0, seed=0, representative=None, environment=-1)
    check_members(aggregates, names, f"the file {path}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ScoreSelection(
        space,
        frame,
        tuple(sorted(rows)),
        population_text(space, len(rows)),
        {},
        dict.fromkeys(names, (0,)),
        (
            f"the scores were read from the file {path.name} (SHA-256 {digest}); none was measured "
            "here, and their protocols, seeds and definitions are unknown",
            *notes,
        ),
        tuple(aggregates),
        ScoreFile(path.name, digest, chosen, tuple(lower_is_better)),
    )


def _of_dataset(
    path: Path, networks: list[_Network], dataset: str | None
) -> tuple[list[_Network], str | None]:
    """Choose the networks of one dataset; a file that names none has one."""
    counts = Counter(one.dataset for one in networks)
    if not counts:
        raise MalformedInput(f"cannot read {_WHAT} {path}: it has no rows. {_EXPECTED}.")
    there = [name for name in counts if name is not None]
    if not there:
        return networks, None
    chosen = next((name for name in there if name.lower() == (dataset or "").lower()), None)
    if chosen is None and len(there) == 1:
        chosen = there[0]
    if chosen is None:
        raise UserError(
            f"{path} holds scores for several datasets and a table takes one. Choose with "
            f"--dataset; there are: {', '.join(there)}."
        )
    return [one for one in networks if one.dataset == chosen], chosen


def _from_json(path: Path) -> tuple[list[_Network], list[str]]:
    """Read `{dataset: {architecture: {indicator: {"score": x, "time": s}, ...}}}`."""
    text = read_text(path, what=_WHAT)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"it is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise _malformed(path, "its JSON is no object of datasets")
    networks = []
    left_out: dict[str, None] = {}
    for dataset, part in content.items():
        if not isinstance(part, dict):
            raise _malformed(path, f"{dataset!r} is no object of architectures")
        for architecture, entries in part.items():
            place = f"{path}: {dataset}: {architecture}"
            if not isinstance(entries, dict):
                raise _malformed(path, f"{place} is no object of indicators")
            found = {k: v for k, v in entries.items() if isinstance(v, dict) and "score" in v}
            left_out.update(dict.fromkeys(k for k in entries if k not in found))
            scores = {name: value["score"] for name, value in found.items()}
            times = {name: value.get("time") for name, value in found.items()}
            networks.append(_Network(place, architecture, dataset, scores, times))
    return networks, _left_out(left_out)


def _own_texts(space: str, rows: int) -> frozenset[str]:
    """The texts of all architectures where a file has many of them: reading each takes longer."""
    size = spaces[space].size
    if size is None or not rows * 10 >= size <= _MOST_LISTED:
        return frozenset()
    return frozenset(architecture.text for architecture in spaces[space])


_MOST_LISTED = 1_000_000


def _from_table(path: Path) -> tuple[list[_Network], list[str]]:
    """Read a table with a column of architectures and one column an indicator."""
    if path.suffix.lower() == ".parquet":
        headings, rows = _parquet(path)
    else:
        table = split_table(path, read_text(path, what=_WHAT))
        headings, rows = (table.headings, table.rows) if table else ([], [])
    plain = [name.strip().lower() for name in headings]
    place = next((plain.index(name) for name in COLUMNS if name in plain), None)
    if place is None:
        raise _malformed(path, "it has no column of architectures")
    if "indicator" in plain:
        raise _malformed(path, "it has one row a score (column `indicator`), not one row a network")
    twice = [name for name, n in Counter(plain).items() if n > 1]
    if twice:
        raise _malformed(path, f"it has two columns {twice[0]!r}")
    scores = [
        (column, name)
        for column, name in enumerate(headings)
        if column != place
        and (name in indicators or not _is_no_score(plain[column]))
        and any(_as_number(row[column]) is not None for _, row in rows)
    ]
    dataset = plain.index("dataset") if "dataset" in plain else None
    taken = {place, dataset, *(column for column, _ in scores)}
    networks = [
        _Network(
            f"{path}:{line}",
            str(row[place]),
            None if dataset is None else str(row[dataset]),
            {name: row[column] for column, name in scores},
            {},
        )
        for line, row in rows
    ]
    return networks, _left_out(name for n, name in enumerate(headings) if n not in taken)


def _parquet(path: Path) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        columns = [column.to_pylist() for column in table.columns]
    except FileNotFoundError:
        raise MissingData(
            f"cannot read {_WHAT} {path}: the file does not exist. Check the path."
        ) from None
    except (*READ_ERRORS, pa.ArrowException) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise _malformed(path, f"it is no Parquet table ({reason})") from error
    rows = [(line, list(row)) for line, row in enumerate(zip(*columns, strict=True), 1)]
    return [str(name) for name in table.column_names], rows


def _left_out(names: Iterable[str]) -> list[str]:
    listed = ", ".join(name for name in names if name)
    return [f"columns of the file that are no scores were left out: {listed}"] if listed else []


def _is_no_score(name: str) -> bool:
    return name in _COUNTERS or name.rsplit("_", maxsplit=1)[-1] in _TRUTH


def _number(network: _Network, name: str, values: Mapping[str, Any]) -> float:
    value = values.get(name)
    if value is None or str(value).strip().lower() in _EMPTY:
        return math.nan
    number = _as_number(value)
    if number is None:
        raise MalformedInput(
            f"{network.place}: cannot read {str(value)[:40]!r} in {name!r} as a number. Correct "
            "the value, or leave the cell empty."
        )
    return number


def _as_number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(str(value).strip())
    except ValueError:
        return None


def _malformed(path: Path, reason: str) -> MalformedInput:
    return MalformedInput(f"cannot read {_WHAT} {path}: {reason}. {_EXPECTED}.")
