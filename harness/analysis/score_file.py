"""Scores that others computed: NAS-Bench-Suite-Zero's JSON, and tables of one column a score."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, UserError, suggest
from untrained.harness.analysis.score_selection import (
    ScoreFile,
    ScoreSelection,
    check_members,
    population_text,
)
from untrained.harness.data.datasets import datasets, own_spelling
from untrained.indicators import indicators
from untrained.results.aggregates import BoundAggregate
from untrained.results.comparison.score_changes import ABSENT
from untrained.results.statistics.size_bias import SIZES
from untrained.results.store.database import TABLE_ENDINGS
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
class _Networks:
    """The networks of one dataset in a file, one entry of every list each."""

    architectures: list[str]
    place: Callable[[int], str]
    """File and line, or key, of a network, for messages."""
    scores: Mapping[str, Sequence[Any]]
    """By name; None where there is none."""
    times: Mapping[str, Sequence[Any]]

    def among(self, rows: Sequence[int]) -> _Networks:
        """Select networks."""
        if len(rows) == len(self.architectures):
            return self
        return _Networks(
            [self.architectures[row] for row in rows],
            lambda row: self.place(rows[row]),
            {name: [column[row] for row in rows] for name, column in self.scores.items()},
            {name: [column[row] for row in rows] for name, column in self.times.items()},
        )


def is_score_file(path: Path) -> bool:
    """Tell whether a file is a table of others' scores, not a store or an export of one."""
    suffix = path.suffix.lower()
    if suffix != ".parquet":
        return suffix in TABLE_ENDINGS
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
        UserError: no space or dataset is chosen, or a column of `lower_is_better` is not there,
            or a size, or a column has the name of an aggregate.
        MalformedInput: the file is no such table, or a cell is no number or architecture.
    """
    import pandas as pd

    if space is None:
        raise UserError(
            f"cannot read {_WHAT} {path}: the file does not say which search space its "
            f"architectures belong to. Name it with --space; there are: {', '.join(spaces)}."
        )
    if path.suffix.lower() == ".json":
        parts, notes = _from_json(path)
    else:
        parts, notes = _from_table(path)
    networks, chosen = _of_dataset(path, parts, dataset)
    networks, texts = _distinct(networks, _parsed(space, networks))
    names = list(networks.scores)
    if not names:
        raise MalformedInput(f"cannot read {_WHAT} {path}: it has no scores. {_EXPECTED}.")
    for name in lower_is_better:
        if name not in names:
            raise UserError(f"{path} has no scores {name!r}. {suggest(name, names)}")
        if name in SIZES:
            raise UserError(
                f"cannot take lower {name} as better: {name} is a size, by which the report tells "
                "what favours larger networks. Leave it out; where smaller networks are better, "
                "its correlation is negative."
            )
    values = np.column_stack([_numbers(networks, name, networks.scores[name]) for name in names])
    times = np.full_like(values, math.nan)
    for column, name in enumerate(names):
        if name in networks.times:
            times[:, column] = _numbers(networks, name, networks.times[name])
    times[np.isinf(times)] = math.nan
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = ScoreFile(path.name, digest, chosen, tuple(lower_is_better))
    # an infinite score that would rank first is an accident, as among measured ones
    first = np.where([file.higher_is_better(name) for name in names], math.inf, -math.inf)
    status = np.where(np.isnan(values), ABSENT, np.where(values == first, "diverged", "ok"))
    values[values == first] = math.nan
    frame = pd.DataFrame(
        {
            "architecture": np.repeat(np.array(texts, dtype=np.object_), len(names)),
            "indicator": np.tile(np.array(names, dtype=np.object_), len(texts)),
            "value": values.ravel(),
            "alone_s": times.ravel(),
            "status": status.ravel(),
        }
    )
    frame = frame.assign(version=0, seed=0, representative=None, environment=-1)
    check_members(aggregates, names, f"the file {path}")
    return ScoreSelection(
        space,
        frame,
        tuple(sorted(texts)),
        population_text(space, len(texts)),
        {},
        dict.fromkeys(names, (0,)),
        (
            f"the scores were read from the file {path.name} (SHA-256 {digest}); none was measured "
            "here, and their protocols, seeds and definitions are unknown",
            *notes,
        ),
        tuple(aggregates),
        file,
    )


def _of_dataset(
    path: Path, parts: Mapping[str | None, _Networks], dataset: str | None
) -> tuple[_Networks, str | None]:
    """Choose the networks of one dataset; a file that names none has one."""
    if not parts:
        raise MalformedInput(f"cannot read {_WHAT} {path}: it has no rows. {_EXPECTED}.")
    there = [name for name in parts if name is not None]
    if not there:
        return parts[None], None
    chosen = there[0] if len(there) == 1 else own_spelling(dataset or "", there)
    if chosen not in there:
        raise UserError(
            f"{path} holds scores for several datasets and a table takes one. Choose with "
            f"--dataset; there are: {', '.join(there)}."
        )
    return parts[chosen], chosen


def _parsed(space: str, networks: _Networks) -> list[str]:
    """The architectures in the notation of the space."""
    own = _own_texts(space, len(networks.architectures))
    texts = []
    for row, text in enumerate(networks.architectures):
        try:
            texts.append(text if text in own else spaces[space].parse(text).text)
        except UserError as error:
            raise MalformedInput(f"{networks.place(row)}: {error}") from error
    return texts


def _distinct(networks: _Networks, texts: list[str]) -> tuple[_Networks, list[str]]:
    """Leave out networks that are listed again with the same scores.

    Raises:
        MalformedInput: one is listed again with other scores.
    """
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if first.setdefault(text, row) == row:
            continue
        one, other = ([repr(c[n]) for c in networks.scores.values()] for n in (first[text], row))
        if one != other:
            raise MalformedInput(
                f"{networks.place(row)}: the architecture {text!r} has other scores at "
                f"{networks.place(first[text])}. Remove one of the two rows."
            )
    return networks.among(list(first.values())), list(first)


def _from_json(path: Path) -> tuple[dict[str | None, _Networks], list[str]]:
    """Read `{dataset: {architecture: {indicator: {"score": x, "time": s}, ...}}}`."""
    text = read_text(path, what=_WHAT)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"it is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise _malformed(path, "its JSON is no object of datasets")
    parts: dict[str | None, _Networks] = {}
    left_out: dict[str, None] = {}
    for dataset, part in content.items():
        if not isinstance(part, dict):
            raise _malformed(path, f"{dataset!r} is no object of architectures")
        found: list[dict[str, dict[str, Any]]] = []
        for architecture, entries in part.items():
            if not isinstance(entries, dict):
                place = f"{path}: {dataset}: {architecture}"
                raise _malformed(path, f"{place} is no object of indicators")
            own = {k: v for k, v in entries.items() if isinstance(v, dict) and "score" in v}
            left_out.update(dict.fromkeys(k for k in entries if k not in own))
            found.append(own)
        if found:
            name = own_spelling(dataset, datasets)
            if name in parts:
                raise _malformed(path, f"it has the dataset {name!r} twice")
            parts[name] = _of_entries(f"{path}: {dataset}", list(part), found)
    return parts, _left_out(left_out)


def _of_entries(
    place: str, keys: list[str], found: Sequence[Mapping[str, Mapping[str, Any]]]
) -> _Networks:
    """Turn the entries of one dataset in JSON into columns."""
    names = list(dict.fromkeys(name for own in found for name in own))
    scores, times = (
        {name: [own.get(name, {}).get(what) for own in found] for name in names}
        for what in ("score", "time")
    )
    return _Networks(keys, lambda row: f"{place}: {keys[row]}", scores, times)


def _own_texts(space: str, rows: int) -> frozenset[str]:
    """The texts of all architectures where a file has many of them: parsing each takes longer."""
    size = spaces[space].size
    if size is None or not rows * 10 >= size <= _MOST_LISTED:
        return frozenset()
    return frozenset(architecture.text for architecture in spaces[space])


_MOST_LISTED = 1_000_000


def _from_table(path: Path) -> tuple[dict[str | None, _Networks], list[str]]:
    """Read a table with a column of architectures and one column an indicator."""
    if path.suffix.lower() == ".parquet":
        headings, columns = _parquet(path)
        lines: Sequence[int] = range(1, len(columns[0]) + 1 if columns else 1)
    else:
        table = split_table(path, read_text(path, what=_WHAT))
        headings, rows = (table.headings, table.rows) if table else ([], [])
        columns = [[row[n] for _, row in rows] for n in range(len(headings))]
        lines = [line for line, _ in rows]
    plain = [name.strip().lower() for name in headings]
    place = next((plain.index(name) for name in COLUMNS if name in plain), None)
    if place is None:
        raise _malformed(path, "it has no column of architectures")
    if "indicator" in plain:
        raise _malformed(path, "it has one row a score (column `indicator`), not one row a network")
    twice = [name for name, n in Counter(plain).items() if n > 1]
    if twice:
        raise _malformed(path, f"it has two columns {twice[0]!r}")
    scores = {
        name: columns[n]
        for n, name in enumerate(headings)
        if n != place
        and (name in indicators or not _is_no_score(plain[n]))
        and any(_as_number(value) is not None for value in columns[n])
    }
    dataset = plain.index("dataset") if "dataset" in plain else None
    taken = {headings[place], *scores, *([] if dataset is None else [headings[dataset]])}
    networks = _Networks(
        list(map(str, columns[place])), lambda row: f"{path}:{lines[row]}", scores, {}
    )
    notes = _left_out(name for name in headings if name not in taken)
    if dataset is None:
        return ({None: networks} if lines else {}), notes
    found = list(map(str, columns[dataset]))
    spelling: dict[str, str] = {}
    for name in dict.fromkeys(found):
        spelling[name] = own_spelling(name, (*datasets, *spelling.values()))
    rows_of: dict[str | None, list[int]] = {}
    for row, name in enumerate(found):
        rows_of.setdefault(spelling[name], []).append(row)
    return {name: networks.among(rows) for name, rows in rows_of.items()}, notes


def _parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
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
    return [str(name) for name in table.column_names], columns


def _left_out(names: Iterable[str]) -> list[str]:
    listed = ", ".join(name for name in names if name)
    return [f"columns of the file that are no scores were left out: {listed}"] if listed else []


def _is_no_score(name: str) -> bool:
    return name in _COUNTERS or name.rsplit("_", maxsplit=1)[-1] in _TRUTH


def _numbers(networks: _Networks, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    """The values of a column; NaN where one is empty.

    Raises:
        MalformedInput: one is no number.
    """
    if set(map(type, values)) <= {float}:
        return np.array(values, dtype=np.float64)
    found = np.full(len(values), math.nan)
    for row, value in enumerate(values):
        if value is None or str(value).strip().lower() in _EMPTY:
            continue
        number = _as_number(value)
        if number is None:
            raise MalformedInput(
                f"{networks.place(row)}: cannot read {str(value)[:40]!r} in {name!r} as a number. "
                "Correct the value, or leave the cell empty."
            )
        found[row] = number
    return found


def _as_number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(str(value).strip())
    except ValueError:
        return None


def _malformed(path: Path, reason: str) -> MalformedInput:
    return MalformedInput(f"cannot read {_WHAT} {path}: {reason}. {_EXPECTED}.")
