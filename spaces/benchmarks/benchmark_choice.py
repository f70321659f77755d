"""The benchmark of a space whose data is present."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from untrained.foundation import MissingData, UserError
from untrained.spaces.benchmarks.benchmark import Benchmark
from untrained.spaces.framework.registry import benchmarks, spaces

VARIABLE = "UNTRAINED_DATA"
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
"""Of files with accuracies of one's own."""


def is_file(name: str) -> bool:
    """Return whether the name of a benchmark is the path of a file."""
    return name.lower().endswith(SUFFIXES) or "/" in name or "\\" in name


def data_folder() -> Path:
    """The folder that UNTRAINED_DATA names, else the user data directory; it need not exist."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir("untrained"))


def find_benchmark(space: str, name: str | None = None) -> Benchmark:
    """The named benchmark, else the first of the space whose data is there.

    Benchmarks are tried in alphabetical order, those marked as fallback last.

    Args:
        space: registered name of the search space.
        name: registered name of a benchmark of that space, or the path of a CSV or Parquet file
            with a column `architecture` and one column a metric.

    Raises:
        UnknownName: no space or benchmark of that name.
        UserError: the named benchmark belongs to another space.
        MissingData: the data of the named one, or of all there are, is not there.
    """
    search_space = spaces[space]
    of_space = [b for b in benchmarks.values() if b.space == search_space.name]
    if name is not None and name not in benchmarks and is_file(name):
        from untrained.spaces.benchmarks.file_benchmark import FileBenchmark

        return FileBenchmark(Path(name), space=space)
    if name is not None:
        chosen = benchmarks[name]
        if chosen not in of_space:
            names = ", ".join(b.name for b in of_space) or "none"
            raise UserError(
                f"the benchmark {name!r} was asked for the search space {space!r}, but it belongs "
                f"to {chosen.space!r}; benchmarks of {space!r}: {names} (untrained list benchmarks)"
            )
        of_space = [chosen]
    reasons: list[str] = []
    for candidate in sorted(of_space, key=lambda b: (b.fallback, b.name)):
        reason = candidate.missing()
        if reason is None:
            return candidate
        reasons.append(reason)
    if not reasons:
        raise MissingData(
            f"ground truth of the search space {space!r} was asked for, but no benchmark is "
            "registered for it; scores can be computed and stored without one "
            "(untrained list benchmarks)"
        )
    raise MissingData("; ".join(reasons))
