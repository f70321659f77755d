"""Seconds to read a table of ground truth and to look one value up, against a plain reading.

The reference reads the same file with pandas and filters the rows of the target, as one does
without this project. What the official files take is not measured here: they are not at hand.
"""

from __future__ import annotations

import pandas as pd
import pytest

from untrained.spaces import Architecture, benchmarks, spaces
from untrained.spaces.benchmarks.tables import ParquetBenchmark, _read

ARCHITECTURES = {
    "nasbench201": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "nasbench101": "02001:100110100001001010101",
}


@pytest.fixture(params=sorted(ARCHITECTURES))
def table(request: pytest.FixtureRequest) -> ParquetBenchmark:
    found = benchmarks[request.param]
    assert isinstance(found, ParquetBenchmark)
    reason = found.missing()
    if reason is not None:
        pytest.skip(reason)
    return found


def look_up(table: ParquetBenchmark, architecture: Architecture) -> float:
    """From nothing: the file has not been read before."""
    _read.cache_clear()
    return table.query(architecture, dataset="cifar10", metric="test_accuracy")


def look_up_plainly(table: ParquetBenchmark, architecture: Architecture) -> float:
    frame = pd.read_parquet(table.path)
    longest = frame[frame["metric"] == "test_accuracy"]["epochs"].max()
    rows = frame[
        (frame["architecture"] == architecture.text)
        & (frame["dataset"] == "cifar10")
        & (frame["metric"] == "test_accuracy")
        & (frame["epochs"] == longest)
        & (frame["seed"] == -1)
    ]
    return float(rows["value"].iloc[0])


@pytest.mark.parametrize("way", [look_up, look_up_plainly])
def test_reading_and_one_look_up(benchmark, table: ParquetBenchmark, way) -> None:
    architecture = spaces[table.space].parse(ARCHITECTURES[table.name])
    value = benchmark.pedantic(way, args=(table, architecture), rounds=5, warmup_rounds=1)
    assert value == pytest.approx(look_up_plainly(table, architecture))


def test_a_later_look_up(benchmark, table: ParquetBenchmark) -> None:
    architecture = spaces[table.space].parse(ARCHITECTURES[table.name])
    assert 50 < benchmark(table.query, architecture) < 100
