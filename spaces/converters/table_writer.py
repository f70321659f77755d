"""Collecting values and writing them as one table, with the means over training runs."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from untrained.spaces.benchmarks.benchmark import MEAN
from untrained.spaces.converters.converter import Value


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
        targets = list(self._targets)
        texts = {
            name: pa.DictionaryArray.from_arrays(
                pa.array(np.array([codes[t] for t in targets], dtype=np.int32)[columns]),
                pa.array(list(codes_of)),
            )
            for name, codes_of, codes in (
                self._coded("dataset", 0),
                self._coded("metric", 1),
            )
        }
        architectures = pa.DictionaryArray.from_arrays(
            pa.array(rows), pa.array(list(self._architectures))
        )
        numbers = np.array([t[2:] for t in targets])
        return pa.table(
            {
                "architecture": architectures,
                **texts,
                "epochs": numbers[columns, 0].astype(np.int16),
                "seed": numbers[columns, 1].astype(np.int8),
                "value": values.astype(np.float32),
            }
        ).replace_schema_metadata({"untrained.provenance": provenance})

    def _coded(
        self, name: str, place: int
    ) -> tuple[str, dict[str, int], dict[tuple[str, str, int, int], int]]:
        """The distinct texts of one part of the targets, and the number of each target's."""
        texts: dict[str, int] = {}
        codes = {
            target: texts.setdefault(str(target[place]), len(texts)) for target in self._targets
        }
        return name, texts, codes

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
