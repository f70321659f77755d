"""The registered search spaces and benchmarks, and the calls that register one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from untrained.foundation import Registry
from untrained.spaces.benchmarks.benchmark import Benchmark
from untrained.spaces.framework.dataset import SHARED_DATASETS, Dataset
from untrained.spaces.framework.search_space import SearchSpace

S = TypeVar("S", bound=SearchSpace)
B = TypeVar("B", bound=Benchmark)

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
    machinery=_MACHINERY,
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
    """Register a benchmark under its name.

    Args:
        origin: module that registers it, if that is not the one that defines its class.

    Raises:
        ValueError: another benchmark has that name.
    """
    benchmarks.register(benchmark.name, benchmark, origin=origin or type(benchmark).__module__)
    return benchmark
