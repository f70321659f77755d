from pathlib import Path

import pytest
from platformdirs import user_data_dir

from untrained.foundation import MissingData, UnknownName, UserError
from untrained.spaces import benchmarks, data_folder, find_benchmark, register_benchmark
from untrained.spaces.benchmarks.tables import ParquetBenchmark
from untrained.spaces.framework import registry
from untrained.spaces.nasbench201.analog import AnalogBenchmark


@pytest.fixture
def no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    return tmp_path


def test_without_tables_the_embedded_values_are_found(no_tables: Path) -> None:
    assert find_benchmark("nasbench201").name == "nasbench201-analog"


def test_a_table_goes_before_the_embedded_values(no_tables: Path) -> None:
    (no_tables / "tables").mkdir()
    (no_tables / "tables" / "nasbench201.parquet").touch()
    assert find_benchmark("nasbench201").name == "nasbench201"
    assert find_benchmark("nasbench201", "nasbench201-analog").name == "nasbench201-analog"


def test_a_named_table_that_is_absent_is_not_replaced(no_tables: Path) -> None:
    with pytest.raises(MissingData, match=r"'nasbench201' was looked for in .*UNTRAINED_DATA"):
        find_benchmark("nasbench201", "nasbench201")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownName, match=r"no search space named 'nasbench2O1'; did you mean"):
        find_benchmark("nasbench2O1")
    with pytest.raises(UnknownName, match=r"no benchmark named 'nasbench-201'; did you mean"):
        find_benchmark("nasbench201", "nasbench-201")


def test_a_benchmark_of_another_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks["nasbench201"], "space", "elsewhere")
    with pytest.raises(
        UserError, match=r"belongs to 'elsewhere'; benchmarks of 'nasbench201': nasbench201-analog"
    ):
        find_benchmark("nasbench201", "nasbench201")


def test_all_reasons_are_given_when_nothing_is_there(
    no_tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AnalogBenchmark, "missing", lambda self: "the package is not installed")
    with pytest.raises(MissingData, match=r"looked for in .*; the package is not installed"):
        find_benchmark("nasbench201")


def test_a_space_without_benchmarks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "benchmarks", {})
    with pytest.raises(MissingData, match="no benchmark is registered for it; scores can be"):
        find_benchmark("nasbench201")


def test_names_of_benchmarks_are_unique() -> None:
    assert set(benchmarks) >= {"nasbench201", "nasbench201-analog"}
    with pytest.raises(ValueError, match=r"two benchmarks are named 'nasbench201'.*here"):
        register_benchmark(ParquetBenchmark("nasbench201", space="nasbench201"), origin="here")


def test_data_folder_is_the_variable_or_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNTRAINED_DATA", "~/somewhere")
    assert data_folder() == Path.home() / "somewhere"
    monkeypatch.setenv("UNTRAINED_DATA", "")
    assert data_folder() == Path(user_data_dir("untrained"))
    monkeypatch.delenv("UNTRAINED_DATA")
    assert data_folder() == Path(user_data_dir("untrained"))
