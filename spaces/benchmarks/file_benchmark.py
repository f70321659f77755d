"""Accuracies of one's own: a CSV or Parquet file as ground truth."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, UserError
from untrained.spaces import Benchmark, Provenance, Target, spaces
from untrained.spaces.framework.architecture_file import (
    ArchitectureTable,
    place_of_architectures,
    read_text,
    split_table,
)

if TYPE_CHECKING:
    import pandas as pd


class FileBenchmark(Benchmark):
    """Values in a table with a column of architectures and one column a metric.

    The heading of the column of architectures is one of `COLUMNS`; every other column of numbers
    is a metric, whose direction follows from its name (`higher_is_better`). An empty cell is no
    value. Architectures are written in any form that the space's `parse` reads.
    """

    kind = "tabular"

    def __init__(self, path: Path, *, space: str) -> None:
        """Remember the file, which is read at the first look-up."""
        self.path = path
        self.name = str(path)
        self.space = space

    @cached_property
    def _table(self) -> pd.DataFrame:
        """One row an architecture, one column a metric."""
        import pandas as pd

        raw = self._raw()
        space = spaces[self.space]
        texts = []
        for line, row in raw.rows:
            try:
                texts.append(space.parse(str(row[raw.place])).text)
            except UserError as error:
                raise MalformedInput(f"{self.path}:{line}: {error}") from error
        metrics = {
            name: [(line, row[place]) for line, row in raw.rows]
            for place, name in enumerate(raw.headings)
            if place != raw.place
        }
        table = pd.DataFrame(
            {
                name: [self._number(value, line, name) for line, value in column]
                for name, column in metrics.items()
                if any(_as_number(value) is not None for _, value in column)
            },
            index=pd.Index(texts, name="architecture"),
            dtype="float64",
        )
        if not len(table):
            raise self._malformed("it has no rows")
        if not len(table.columns):
            raise self._malformed("it has no column of numbers beside the architectures")
        table = table[~table.reset_index().duplicated().to_numpy()]
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise self._malformed(f"it has two different rows of {twice!r}")
        return table

    def _raw(self) -> ArchitectureTable:
        what = "the accuracies"
        if self.path.suffix.lower() != ".parquet":
            table = split_table(self.path, read_text(self.path, what=what))
        else:
            table = self._parquet()
        if table is None:
            raise self._malformed("its first line has no heading of a column of architectures")
        return table

    def _parquet(self) -> ArchitectureTable | None:
        import pandas as pd
        import pyarrow as pa

        try:
            frame = pd.read_parquet(self.path)
            rows = [(line, list(row)) for line, row in enumerate(frame.itertuples(index=False), 1)]
        except FileNotFoundError:
            raise MissingData(
                f"cannot read the accuracies {self.path}: the file does not exist. Check the path."
            ) from None
        except (*READ_ERRORS, pa.ArrowException) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise self._malformed(f"it is no Parquet table ({reason})") from error
        headings = [str(column) for column in frame.columns]
        place = place_of_architectures(headings)
        return None if place is None else ArchitectureTable(headings, place, rows)

    def _number(self, value: Any, line: int, column: str) -> float:
        if value is None or str(value).strip().lower() in ("", "nan", "na", "none", "null", "-"):
            return math.nan
        number = _as_number(value)
        if number is None or math.isinf(number):
            raise MalformedInput(
                f"{self.path}:{line}: cannot read {value!r} in the column {column!r} as a finite "
                "number. Correct the value, or leave the cell empty."
            )
        return number

    def _malformed(self, reason: str) -> MalformedInput:
        return MalformedInput(
            f"cannot read the accuracies {self.path}: {reason}. Give a CSV or Parquet table with "
            "a column `architecture` and one column a metric, such as test_accuracy."
        )

    @property
    def provenance(self) -> Provenance:
        """Return the file's name and hash."""
        self.targets()
        return Provenance.of_file(self.path, f"values in {self.path.name}", "tabular")

    def missing(self) -> str | None:
        """Return None: a missing file is an error where it is read."""
        return None

    def targets(self) -> tuple[Target, ...]:
        """Return one target a column; the dataset is the file's name without its suffix."""
        return tuple(sorted(Target(self.path.stem, metric) for metric in self._table.columns))

    def _values(self, target: Target) -> pd.Series[float]:
        return self._table[target.metric].dropna()


def _as_number(value: Any) -> float | None:
    try:
        return float(str(value).strip())
    except ValueError:
        return None
