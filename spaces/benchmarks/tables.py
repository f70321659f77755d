"""Benchmarks that are Parquet tables in long form, and the list of those that are built in.

A third-party space registers its own: `register_benchmark(ParquetBenchmark(name, space=...))`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from untrained.foundation import READ_ERRORS, MalformedInput
from untrained.spaces import Benchmark, Provenance, Target, data_folder, register_benchmark
from untrained.spaces.framework.registry import VARIABLE

_TEXT = ("architecture", "dataset", "metric")
_WHOLE = {"epochs": pa.int16(), "seed": pa.int8()}
_COLUMNS = (*_TEXT, *_WHOLE, "value")
_METADATA = b"untrained.provenance"


class LongTable:
    """The contents of one file; columns of values are cut out of it on demand and kept."""

    def __init__(self, table: pa.Table) -> None:
        """Sort the rows of a table whose columns `read` has checked by target."""
        self.about: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_METADATA, b"{}"))
        if not isinstance(self.about, dict):
            raise ValueError(f"its metadata {_METADATA.decode()} is no JSON object")
        if not table.num_rows:
            raise ValueError("it has no rows")
        table = table.unify_dictionaries().combine_chunks()
        for name in _COLUMNS[:-1]:
            if table[name].null_count:
                raise ValueError(f"its column {name} has empty entries")
        names, self._rows = _encode(table["architecture"])
        self._architectures = names
        datasets, dataset = _encode(table["dataset"])
        metrics, metric = _encode(table["metric"])
        epochs = table["epochs"].cast(pa.int16()).to_numpy().astype(np.int64)
        seed = table["seed"].cast(pa.int8()).to_numpy().astype(np.int64)
        # one number a target, so that sorting rows by target is sorting integers
        keys = np.stack([dataset, metric, epochs + 2**15, seed + 2**7])
        shape = (len(datasets), len(metrics), 2**16, 2**8)
        codes, self._target_of_row = np.unique(
            np.ravel_multi_index(tuple(keys), shape), return_inverse=True
        )
        columns = np.unravel_index(codes, shape)
        unsorted = [
            Target(str(datasets[d]), str(metrics[m]), int(e) - 2**15, int(s) - 2**7)
            for d, m, e, s in zip(*columns, strict=True)
        ]
        self._code = {target: code for code, target in enumerate(unsorted)}
        self.targets = tuple(sorted(unsorted))
        self._values = table["value"].cast(pa.float64()).to_numpy()
        self._series: dict[Target, pd.Series[float]] = {}

    def series(self, target: Target) -> pd.Series[float]:
        """Values by architecture text, in the file's order.

        Raises:
            ValueError: an architecture occurs twice.
        """
        if target not in self._series:
            rows = np.flatnonzero(self._target_of_row == self._code[target])
            index = pd.Index(self._architectures[self._rows[rows]])
            if not index.is_unique:
                twice = index[index.duplicated()][0]
                raise ValueError(f"its column {target.label!r} has {twice!r} twice")
            self._series[target] = pd.Series(self._values[rows], index=index)
        return self._series[target]


def _encode(column: pa.ChunkedArray) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """The distinct texts of a column, and the number of each row's text."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    texts = encoded.dictionary.to_numpy(zero_copy_only=False)
    return texts, encoded.indices.to_numpy().astype(np.int64)


def read(path: Path) -> LongTable:
    """The table in a file; a file that has not changed is read once a process.

    Raises:
        MalformedInput: no Parquet, damaged, or other columns; the message names file and remedy.
    """
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (*READ_ERRORS, pa.ArrowException) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise malformed(path, reason) from error


def malformed(path: Path, reason: str) -> MalformedInput:
    """The error for a file that is not a table of ground truth."""
    return MalformedInput(
        f"the ground truth {path} was to be read, but it is not a usable table: {reason}; "
        f"a table is a Parquet file with the columns {', '.join(_COLUMNS)}: "
        "replace the file by an undamaged copy"
    )


@lru_cache(maxsize=16)  # more than `nasbench201_targets` joins
def _read(path: Path, modified: int, num_bytes: int) -> LongTable:
    schema = pq.read_schema(path)
    absent = [name for name in _COLUMNS if name not in schema.names]
    if absent:
        there = ", ".join(schema.names) or "none"
        raise ValueError(f"it has no column {', '.join(absent)} (its columns: {there})")
    for name in _COLUMNS:
        if schema.names.count(name) > 1:
            raise ValueError(f"it has the column {name} {schema.names.count(name)} times")
    for name in _TEXT:
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise ValueError(f"its column {name} holds {kind} instead of text")
    for name in _WHOLE:
        if not pa.types.is_integer(schema.field(name).type):
            raise ValueError(
                f"its column {name} holds {schema.field(name).type} instead of whole numbers"
            )
    if not pa.types.is_floating(schema.field("value").type):
        raise ValueError(f"its column value holds {schema.field('value').type} instead of numbers")
    return LongTable(pq.read_table(path, columns=list(_COLUMNS)))


class ParquetBenchmark(Benchmark):
    """Ground truth in the project's own table form; a further table is one line of registration."""

    def __init__(
        self,
        name: str,
        *,
        space: str,
        kind: Literal["tabular", "surrogate"] = "tabular",
        fallback: bool = False,
        named_only: bool = False,
        path: Path | None = None,
        file: str = "",
    ) -> None:
        """Describe a table; nothing is read yet.

        Args:
            fallback: only chosen by itself if no other benchmark of the space has its data.
            named_only: never chosen by itself.
            path: the file; by default `tables/<file>.parquet` of the data folder.
            file: name of the file without its suffix; by default that of the benchmark.
        """
        self._path = path
        self._file = file or name
        self.name = name
        self.space = space
        self.kind = kind
        self.fallback = fallback
        self.named_only = named_only

    @property
    def path(self) -> Path:
        """The file, whether it exists or not."""
        return self._path or data_folder() / "tables" / f"{self._file}.parquet"

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`; title and note are the file's own."""
        about = self._table().about
        title, kind = about.get("title", self.name), about.get("kind", self.kind)
        return Provenance.of_file(self.path, str(title), str(kind), str(about.get("note", "")))

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        if self.path.is_file():
            return None
        return (
            f"the ground truth {self.name!r} was looked for in {self.path} and is not there; "
            f"set {VARIABLE} to a folder that has tables/{self.path.name}, "
            "get it (untrained data list says how), or choose another benchmark "
            "(untrained list benchmarks)"
        )

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`."""
        return self._table().targets

    def _values(self, target: Target) -> pd.Series[float]:
        try:
            return self._table().series(target)
        except ValueError as error:
            raise malformed(self.path, str(error)) from error

    def _table(self) -> LongTable:
        self.check_present()
        return read(self.path)


NDS_SETS = {
    "nds_amoeba": "Amoeba",
    "nds_darts": "DARTS",
    "nds_darts_fix-w-d": "DARTS_fix-w-d",
    "nds_enas": "ENAS",
    "nds_nasnet": "NASNet",
    "nds_pnas": "PNAS",
    "nds_resnet": "ResNet",
    "nds_resnext-a": "ResNeXt-A",
    "nds_resnext-b": "ResNeXt-B",
}
"""The set of each NDS space, with `_in` on ImageNet.

In the table of all sets `DARTS_fix-w-d_in` was trained for 5 epochs only."""
_NOT_SHARED = ("nds_resnet",)
"""Spaces that the table of all sets has nothing of."""


class NDSTable(ParquetBenchmark):
    """The rows of one NDS set: from a table of its own, else from one of all sets.

    Its own is what `untrained data convert` makes of the official files, CIFAR-10 and ImageNet.
    """

    def __init__(self, space: str, set_name: str) -> None:
        """Describe it.

        Args:
            space: registered name of the search space, and of this benchmark.
            set_name: what its architectures begin with, before `_in` and the `#`.
        """
        super().__init__(space, space=space)
        self.prefixes = (f"{set_name}#", f"{set_name}_in#")

    @property
    def path(self) -> Path:
        """The space's own table if it is there, else that of all sets, whether it exists or not."""
        own = super().path
        shared = data_folder() / "tables" / "nds.parquet"
        return own if own.is_file() or self.name in _NOT_SHARED else shared

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; those that the set has values of."""
        return tuple(target for target in super().targets() if len(self._values(target)))

    def _values(self, target: Target) -> pd.Series[float]:
        values = super()._values(target)
        return values[values.index.str.startswith(self.prefixes)]


class ScaleTable(ParquetBenchmark):
    """The rows of one scale of HW-GPT-Bench, from the table of all scales."""

    def __init__(self, scale: str) -> None:
        """Choose the scale, s, m or l."""
        name = f"hwgpt_{scale}"
        super().__init__(name, space=name, kind="surrogate", file="hwgpt")
        self._mark = f'"scale":"{scale}"'

    def _values(self, target: Target) -> pd.Series[float]:
        values = super()._values(target)
        return values[values.index.str.contains(self._mark, regex=False)]


class ParsedTable(ParquetBenchmark):
    """A table whose architectures are not in the notation of the space, and are parsed by it."""

    def _values(self, target: Target) -> pd.Series[float]:
        from untrained.spaces.framework.registry import spaces

        values = super()._values(target)
        space = spaces[self.space]
        return values.set_axis([space.parse(text).text for text in values.index])


for _table in (
    ParquetBenchmark("nasbench101", space="nasbench101"),
    ParquetBenchmark("nasbench201", space="nasbench201"),
    ParquetBenchmark("natsbench_tss", space="nasbench201"),
    ParquetBenchmark("natsbench_sss", space="natsbench_sss"),
    ParquetBenchmark("nasbench301", space="darts", kind="surrogate"),
    ParquetBenchmark("darts1000", space="darts", fallback=True),
    ParquetBenchmark("nasbenchmacro", space="nasbenchmacro"),
    ParquetBenchmark("nasbenchgraph", space="nasbenchgraph"),
    ParquetBenchmark("nasbenchnlp", space="nasbenchnlp"),
    ParquetBenchmark("transnasbench101_micro", space="transnasbench101_micro"),
    ParquetBenchmark("transnasbench101_macro", space="transnasbench101_macro"),
    ParquetBenchmark("autoformer", space="autoformer"),
    ParsedTable("vit_autoformer_ood", space="autoformer_supernets"),
    ParquetBenchmark("pit", space="pit"),
    ParquetBenchmark("flexibert", space="flexibert"),
    ParquetBenchmark("flexibert_described", space="flexibert_described", file="flexibert"),
    *(ScaleTable(scale) for scale in ("s", "m", "l")),
    *(NDSTable(space, set_name) for space, set_name in NDS_SETS.items()),
):
    register_benchmark(_table, origin=__name__)
