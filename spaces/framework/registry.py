"""The registered spaces, data sets and benchmarks, and the benchmark whose data is present."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import platformdirs

from untrained.foundation import MissingData, Registry, UserError
from untrained.spaces.benchmarks.benchmark import Benchmark
from untrained.spaces.framework.dataset import SHARED_DATASETS, Dataset
from untrained.spaces.framework.search_space import SearchSpace

S = TypeVar("S", bound=SearchSpace)
B = TypeVar("B", bound=Benchmark)

VARIABLE = "UNTRAINED_DATA"
_MACHINERY = ("framework", "benchmarks", "converters")

spaces: Registry[SearchSpace] = Registry(
    "search space",
    package="untrained.spaces",
    group="untrained.spaces",
    hint="untrained list spaces",
    machinery=_MACHINERY,
)

benchmarks: Registry[Benchmark] = Registry(
    "benchmark",
    package="untrained.spaces",
    group="untrained.benchmarks",
    hint="untrained list benchmarks",
    machinery=("framework", "converters"),
)


class _Datasets(Mapping[str, Dataset]):
    """The shared data sets, then those that the registered spaces bring with them."""

    def __getitem__(self, name: str) -> Dataset:
        """Return the data set of a name; only a name that is not shared loads the spaces."""
        for one in SHARED_DATASETS:
            if one.name == name:
                return one
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        """Names, the shared ones first."""
        return iter(self._found())

    def __len__(self) -> int:
        """Count the data sets."""
        return len(self._found())

    def _found(self) -> dict[str, Dataset]:
        found = {one.name: one for one in SHARED_DATASETS}
        for space in spaces.values():
            for one in space.datasets:
                if found.setdefault(one.name, one) != one:
                    raise ValueError(
                        f"cannot use the data set {one.name!r} of the search space {space.name!r}: "
                        "another data set has that name. Give it a name of its own."
                    )
        return found


datasets: Mapping[str, Dataset] = _Datasets()


def register_space(space: S) -> S:
    """Register a search space under its name.

    Raises:
        ValueError: another space has that name.
    """
    spaces.register(space.name, space, origin=type(space).__module__)
    return space


def register_benchmark(benchmark: B, *, origin: str = "") -> B:
    """Register a benchmark under its name; `origin`: a module other than that of its class.

    Raises:
        ValueError: another benchmark has that name.
    """
    benchmarks.register(benchmark.name, benchmark, origin=origin or type(benchmark).__module__)
    return benchmark


def is_file(name: str) -> bool:
    """Return whether the name of a benchmark is the path of a file with accuracies."""
    return (
        name.lower().endswith((".csv", ".tsv", ".txt", ".parquet")) or "/" in name or "\\" in name
    )


def data_folder() -> Path:
    """The folder that UNTRAINED_DATA names, else the user data directory; it need not exist."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir("untrained"))


def find_benchmark(space: str, name: str | None = None) -> Benchmark:
    """The named benchmark, else the first of the space whose data is there.

    Benchmarks are tried in alphabetical order, tables before those that look up single
    architectures, and those marked as fallback last.

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
    else:
        of_space = [b for b in of_space if not b.named_only]
    if not of_space:
        raise MissingData(
            f"ground truth of the search space {space!r} was asked for, but no benchmark is "
            "registered for it; scores can be computed and stored without one "
            "(untrained list benchmarks)"
        )
    return first_present(sorted(of_space, key=lambda b: (b.fallback, not b.enumerable, b.name)))


def first_present(candidates: Iterable[Benchmark]) -> Benchmark:
    """The first of some benchmarks whose data is there.

    Raises:
        MissingData: there is none; the message says what each lacks.
    """
    reasons = []
    for candidate in candidates:
        reason = candidate.missing()
        if reason is None:
            return candidate
        reasons.append(reason)
    raise MissingData("; ".join(reasons))
