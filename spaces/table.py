"""Benchmarks read from `tables/<name>.parquet` in the data folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from untrained.foundation import MissingData
from untrained.spaces.benchmark import Benchmark
from untrained.spaces.data_location import VARIABLE, data_folder
from untrained.spaces.long_table import LongTable, malformed, read
from untrained.spaces.target import Provenance, Target

if TYPE_CHECKING:
    import pandas as pd


class ParquetBenchmark(Benchmark):
    """Ground truth in the project's own table form; a further table is one line of registration."""

    def __init__(
        self,
        name: str,
        *,
        space: str,
        kind: Literal["tabular", "surrogate"] = "tabular",
        fallback: bool = False,
    ) -> None:
        """Describe a table; nothing is read yet.

        Args:
            name: registered name, and that of the file.
            space: registered name of the search space.
            kind: measured values or predicted ones.
            fallback: only chosen by itself if no other benchmark of the space has its data.
        """
        self.name = name
        self.space = space
        self.kind = kind
        self.fallback = fallback

    @property
    def path(self) -> Path:
        """The file, whether it exists or not."""
        return data_folder() / "tables" / f"{self.name}.parquet"

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`; title and note are the file's own."""
        about = self._table().about
        return Provenance(
            title=str(about.get("title", self.name)),
            kind=str(about.get("kind", self.kind)),
            file=self.path.name,
            sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
            note=str(about.get("note", "")),
        )

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
        reason = self.missing()
        if reason is not None:
            raise MissingData(reason)
        return read(self.path)
