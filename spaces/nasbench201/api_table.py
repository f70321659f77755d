"""The table that answers in place of the official files of NAS-Bench-201 and NATS-Bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from untrained.foundation import MissingData, UserError
from untrained.spaces import Benchmark, benchmarks
from untrained.spaces.benchmarks.tables import ParquetBenchmark


def table_of(names: Sequence[str], path: str | Path | None) -> Benchmark:
    """Choose the table that answers.

    Args:
        names: registered benchmarks, the first that is present is taken.
        path: a Parquet table is taken itself; the name of an official file means the table.

    Raises:
        UserError: the content of an official file was given in place of a path.
        MissingData: there is none.
    """
    if isinstance(path, Mapping):
        raise UserError(
            "cannot answer from a dictionary of results: tables answer here. Open its file with "
            "open_api of untrained.spaces.nasbench201.official, or convert it (untrained data "
            f"convert {names[0]} PATH)."
        )
    if path is not None and str(path).endswith(".parquet"):
        named = benchmarks[names[0]]
        table = ParquetBenchmark(named.name, space=named.space, path=Path(path))
        table.check_present()
        return table
    reasons = []
    for name in names:
        reason = benchmarks[name].missing()
        if reason is None:
            return benchmarks[name]
        reasons.append(reason)
    raise MissingData("; ".join(reasons))
