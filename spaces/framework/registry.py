"""The registered search spaces and benchmarks, and the calls that register one."""

from __future__ import annotations

from typing import TypeVar

from untrained.foundation import Registry
from untrained.spaces.benchmarks.benchmark import Benchmark
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
