"""Tables joined in one benchmark: targets, clean accuracies, costs by their names."""

from pathlib import Path

import pandas as pd
import pytest

from untrained.foundation import MissingData
from untrained.spaces import Target, benchmarks, find_benchmark
from untrained.spaces.benchmarks import tables as tables_module
from untrained.spaces.benchmarks.joined_tables import JoinedTables
from untrained.spaces.benchmarks.tables import ParquetBenchmark

CELLS = [
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]


def table(folder: Path, name: str, metric: str, values: list[float], *, epochs: int = 0):
    frame = pd.DataFrame(
        {"architecture": CELLS, "dataset": "cifar10", "metric": metric, "value": values}
    )
    frame["epochs"] = pd.Series([epochs] * 2, dtype="int16")
    frame["seed"] = pd.Series([-1] * 2, dtype="int8")
    path = folder / f"{name}.parquet"
    frame.astype({"value": "float32"}).to_parquet(path)
    return ParquetBenchmark(name, space="nasbench201", path=path)


@pytest.fixture
def joined(tmp_path: Path) -> JoinedTables:
    absent = ParquetBenchmark("absent", space="nasbench201", path=tmp_path / "absent.parquet")
    return JoinedTables(
        "joined",
        (
            table(tmp_path, "clean", "test_accuracy", [10, 90], epochs=200),
            table(tmp_path, "attacked", "pgd_eps1.0_accuracy", [5, 3]),
            table(tmp_path, "second", "latency_ms_raspi4", [1, 2]),
            table(tmp_path, "again", "latency_ms_raspi4", [7, 8]),
            absent,
        ),
    )


def test_targets_are_those_of_all_tables_that_are_there(joined: JoinedTables) -> None:
    names = {target.metric for target in joined.targets()}
    assert names == {"test_accuracy", "pgd_eps1.0_accuracy", "latency_ms_raspi4"}
    assert joined.default_target == Target("cifar10", "test_accuracy", 200)
    files = ("clean", "attacked", "second", "again")
    assert joined.provenance.file == ", ".join(f"{one}.parquet" for one in files)
    assert joined.query(CELLS[1], metric="latency_ms_raspi4") == 2  # the first table's


def test_the_clean_target_of_an_attack(joined: JoinedTables) -> None:
    attacked = joined.target(metric="pgd_eps1.0_accuracy")
    assert joined.clean_target(attacked) == Target("cifar10", "test_accuracy", 200)
    assert joined.clean_target(joined.target(metric="latency_ms_raspi4")) is None
    assert not joined.higher_is_better("latency_ms_raspi4")
    assert joined.higher_is_better("pgd_eps1.0_accuracy")


def test_without_the_first_table_there_is_none(tmp_path: Path) -> None:
    absent = ParquetBenchmark("absent", space="nasbench201", path=tmp_path / "absent.parquet")
    second = table(tmp_path, "second", "latency_ms_raspi4", [1, 2])
    with pytest.raises(MissingData, match=r"absent\.parquet"):
        JoinedTables("joined", (absent, second)).targets()


def test_as_many_tables_as_the_largest_join_has_are_read_once(tmp_path: Path) -> None:
    largest = benchmarks["nasbench201_targets"]
    assert isinstance(largest, JoinedTables)
    names = [f"metric_{i}" for i in range(len(largest.tables))]
    tables = [table(tmp_path, name, name, [i, i]) for i, name in enumerate(names)]
    before = tables_module._read.cache_info().misses
    for _ in range(2):
        assert len(JoinedTables("joined", tuple(tables)).targets()) == len(names) == 10
    assert tables_module._read.cache_info().misses - before == len(names)


def test_further_tables_are_chosen_by_name_alone() -> None:
    further = [one for one in benchmarks.values() if one.named_only]
    assert len(further) == 20
    for one in further:
        try:
            assert find_benchmark(one.space) not in further
        except MissingData:
            continue


def test_the_tables_at_hand_hold_together() -> None:
    benchmark = benchmarks["nasbench201_targets"]
    if benchmark.missing() or benchmarks["nasbench201_robustness"].missing():
        pytest.skip("no robustness of NAS-Bench-201: set UNTRAINED_DATA to a folder that has it")
    attacked = benchmark.target(dataset="cifar10", metric="fgsm_eps0.5_accuracy")
    clean = benchmark.clean_target(attacked)
    assert clean is not None
    both = pd.concat([benchmark._values(attacked), benchmark._values(clean)], axis=1)
    assert both.notna().all(axis=None)
    assert both.corr("spearman").iloc[0, 1] == pytest.approx(0.743, abs=0.001)
