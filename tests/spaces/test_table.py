"""Parquet ground truth: completion of targets, look-ups, and files that are no tables."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput, MissingData, UnknownName, UserError
from untrained.spaces import Target, benchmarks, spaces
from untrained.spaces.benchmarks.tables import LongTable, ParquetBenchmark
from untrained.spaces.nasbench201.space import OPERATIONS, format_operations

A, B, C, D = (format_operations((op,) * 6) for op in OPERATIONS[:4])

ROWS = [
    (A, "cifar10", "test_accuracy", 200, -1, 93.0),
    (B, "cifar10", "test_accuracy", 200, -1, 90.0),
    (C, "cifar10", "test_accuracy", 200, -1, 93.0),
    (A, "cifar10", "test_accuracy", 200, 0, 92.5),
    (A, "cifar10", "test_accuracy", 12, -1, 70.0),
    (A, "cifar10", "test_accuracy", 12, 3, 71.0),
    (A, "cifar10", "valid_accuracy", 108, 0, 89.0),
    (A, "cifar10", "valid_accuracy", 4, 0, 40.0),
    (A, "wikitext2", "val_loss", 50, -1, 4.5),
    (B, "wikitext2", "val_loss", 50, -1, 4.0),
    (C, "wikitext2", "val_loss", 50, -1, 4.1),
    (A, "wikitext2", "params_millions", 0, -1, 1.5),
]
COLUMNS = ["architecture", "dataset", "metric", "epochs", "seed", "value"]


def arrow(rows: list[tuple[str, str, str, int, int, float]]) -> pa.Table:
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(
        {"epochs": "int16", "seed": "int8", "value": "float32"}
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = {"title": "Toy", "kind": "tabular", "note": "made up"}
    return table.replace_schema_metadata({"untrained.provenance": json.dumps(about)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    (tmp_path / "tables").mkdir()
    return tmp_path / "tables"


@pytest.fixture
def toy(folder: Path) -> ParquetBenchmark:
    pq.write_table(arrow(ROWS), folder / "toy.parquet")
    return ParquetBenchmark("toy", space="nasbench201")


def test_a_dataset_without_the_default_metric_has_one_of_its_own(toy: ParquetBenchmark) -> None:
    assert toy.default_target.metric == "test_accuracy"
    assert toy.target(dataset="wikitext2") == Target("wikitext2", "val_loss", 50)


def test_a_table_may_lie_elsewhere(toy: ParquetBenchmark, tmp_path: Path) -> None:
    moved = toy.path.rename(tmp_path / "elsewhere.parquet")
    other = ParquetBenchmark("other", space="nasbench201", path=moved)
    assert len(other.targets()) == 8
    assert other.provenance.file == "elsewhere.parquet"
    assert toy.missing() is not None


def test_targets_are_sorted_and_complete(toy: ParquetBenchmark) -> None:
    assert toy.targets() == tuple(sorted({Target(*row[1:5]) for row in ROWS}))


def test_default_target_is_the_longest_mean_test_accuracy(toy: ParquetBenchmark) -> None:
    assert toy.default_target == Target("cifar10", "test_accuracy", 200, -1)


@pytest.mark.parametrize(
    ("metrics", "default"),
    [
        (["params_millions", "val_loss"], "val_loss"),
        (["ssim", "val_loss", "latency"], "ssim"),
        (["valid_accuracy", "test_accuracy", "ssim"], "test_accuracy"),
        (["flops", "params"], "flops"),
    ],
)
def test_without_test_accuracy_the_default_is_a_quality_before_a_cost(
    folder: Path, metrics: list[str], default: str
) -> None:
    pq.write_table(arrow([(A, "d", m, 0, -1, 1.0) for m in metrics]), folder / "other.parquet")
    assert ParquetBenchmark("other", space="nasbench201").default_target.metric == default


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, Target("cifar10", "test_accuracy", 200, -1)),
        ({"epochs": 12}, Target("cifar10", "test_accuracy", 12, -1)),
        ({"seed": 3}, Target("cifar10", "test_accuracy", 12, 3)),
        ({"seed": 0}, Target("cifar10", "test_accuracy", 200, 0)),
        ({"metric": "valid_accuracy"}, Target("cifar10", "valid_accuracy", 108, 0)),
        ({"dataset": "wikitext2", "metric": "val_loss"}, Target("wikitext2", "val_loss", 50, -1)),
    ],
)
def test_what_is_left_out_is_completed(
    toy: ParquetBenchmark, asked: dict[str, object], meant: Target
) -> None:
    assert toy.target(**asked) == meant  # type: ignore[arg-type]


def test_a_mean_that_the_source_lacks_is_computed_from_its_seeds(folder: Path) -> None:
    rows = [
        *((A, "cifar10", "test_accuracy", 200, seed, 90.0 + seed) for seed in (0, 1, 5)),
        (B, "cifar10", "test_accuracy", 200, 1, 70.0),
        (A, "cifar10", "test_accuracy", 12, 0, 50.0),
    ]
    pq.write_table(arrow(rows), folder / "seeds.parquet")
    seeds = ParquetBenchmark("seeds", space="nasbench201")
    mean = Target("cifar10", "test_accuracy", 200, -1)
    assert mean not in seeds.targets()
    # whatever way it is asked for
    assert seeds.target() == seeds.target(mean) == seeds.target(seed=-1) == mean
    assert seeds.target(epochs=200) == mean
    assert seeds.averaged_seeds(mean) == (0, 1, 5)
    assert seeds.query(A) == 92.0
    assert seeds.query(B) == 70.0
    assert math.isnan(seeds.query(D))
    assert seeds.table().set_index("architecture")["value"].to_dict() == {A: 92.0, B: 70.0}
    assert seeds.best(n=1)["value"].item() == 92.0
    assert seeds.values([B, D], mean).isna().tolist() == [False, True]
    # one seed alone is no mean
    assert seeds.target(epochs=12) == Target("cifar10", "test_accuracy", 12, 0)
    assert seeds.averaged_seeds(Target("cifar10", "test_accuracy", 12, 0)) == ()
    with pytest.raises(UserError, match="training seed -1, which it does not have"):
        seeds.target(epochs=12, seed=-1)


def test_a_mean_of_the_source_is_not_computed_anew(toy: ParquetBenchmark) -> None:
    assert toy.averaged_seeds(toy.default_target) == ()


def test_validation_and_test_accuracy_are_different(toy: ParquetBenchmark) -> None:
    assert toy.query(A, metric="test_accuracy") == 93.0
    assert toy.query(A, metric="valid_accuracy") == 89.0


def test_query_takes_target_or_keywords_and_gives_nan_where_there_is_no_value(
    toy: ParquetBenchmark,
) -> None:
    assert toy.query(A, Target("cifar10", "test_accuracy", 12, 3)) == 71.0
    assert toy.query(spaces["nasbench201"].parse(B), seed=-1) == 90.0
    assert math.isnan(toy.query(B, seed=0))
    assert math.isnan(toy.query(D))


def test_query_refuses_what_is_no_architecture(toy: ParquetBenchmark) -> None:
    with pytest.raises(MalformedInput, match="is not a NAS-Bench-201 architecture"):
        toy.query("nonsense")


def test_table_has_the_files_order_and_is_the_callers_own(toy: ParquetBenchmark) -> None:
    table = toy.table()
    assert list(table.columns) == ["architecture", "value"]
    assert table["architecture"].tolist() == [A, B, C]
    assert table["value"].dtype == "float64"
    table.loc[:, "value"] = 0.0
    assert toy.table()["value"].tolist() == [93.0, 90.0, 93.0]


def test_best_follows_the_metrics_direction_and_orders_ties_by_text(toy: ParquetBenchmark) -> None:
    assert toy.best(n=2)["architecture"].tolist() == sorted([A, C])
    low = toy.best(n=2, dataset="wikitext2", metric="val_loss")
    assert low["architecture"].tolist() == [B, C]
    assert low["value"].tolist() == pytest.approx([4.0, 4.1])
    assert len(toy.best(n=99)) == 3


@pytest.mark.parametrize(
    ("asked", "kind", "text"),
    [
        ({"dataset": "cifar1"}, UnknownName, r"no dataset named 'cifar1'; did you mean cifar10\?"),
        ({"metric": "val_acc"}, UnknownName, r"no metric named 'val_acc'.*dataset 'cifar10'"),
        ({"epochs": 90}, UserError, r"after 90 epochs.*there are: 12, 200.*leave epochs out"),
        (
            {"epochs": 200, "seed": 7},
            UserError,
            r"at 200 epochs was asked for with training seed 7.*there are: -1, 0 ",
        ),
        (
            {"target": Target("cifar10", "test_accuracy", 200), "seed": 0},
            UserError,
            "and keywords were both given to the benchmark 'toy'; give one of them",
        ),
    ],
)
def test_a_target_that_does_not_exist_is_refused(
    toy: ParquetBenchmark, asked: dict[str, object], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        toy.target(**asked)  # type: ignore[arg-type]


def test_provenance_is_the_files_own_words_and_hash(toy: ParquetBenchmark, folder: Path) -> None:
    source = toy.provenance
    assert (source.title, source.kind, source.note) == ("Toy", "tabular", "made up")
    assert source.file == "toy.parquet"
    assert source.sha256 == hashlib.sha256((folder / "toy.parquet").read_bytes()).hexdigest()


def test_a_replaced_file_is_read_again(toy: ParquetBenchmark, folder: Path) -> None:
    assert len(toy.table()) == 3
    pq.write_table(arrow(ROWS[:2]), folder / "toy.parquet")
    assert len(toy.table()) == 2


def test_a_missing_table_says_where_it_was_looked_for(folder: Path) -> None:
    benchmark = ParquetBenchmark("absent", space="nasbench201")
    for look_up in (benchmark.targets, benchmark.table, lambda: benchmark.query(A)):
        with pytest.raises(MissingData) as caught:
            look_up()
        assert str(folder / "absent.parquet") in str(caught.value)
        assert "set UNTRAINED_DATA to a folder that has tables/absent.parquet" in str(caught.value)
    assert benchmark.missing() is not None


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    path.write_bytes(content)


def no_parquet(path: Path) -> None:
    path.write_text("architecture,value\n")


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def other_columns(path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "value": [1.0]}), path)


def text_values(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.set_column(5, "value", pa.array(["x"] * len(ROWS))), path)


def text_epochs(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.set_column(3, "epochs", pa.array(["x"] * len(ROWS))), path)


def numbered_architectures(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.set_column(0, "architecture", pa.array(range(len(ROWS)))), path)


def holes(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.set_column(2, "metric", pa.array([None, *["x"] * (len(ROWS) - 1)])), path)


def huge_epochs(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.set_column(3, "epochs", pa.array([10**6] * len(ROWS))), path)


def no_rows(path: Path) -> None:
    pq.write_table(arrow(ROWS).slice(0, 0), path)


def foreign_metadata(path: Path) -> None:
    pq.write_table(arrow(ROWS).replace_schema_metadata({"untrained.provenance": "[]"}), path)


def deep_metadata(path: Path) -> None:
    about = {"untrained.provenance": "[" * 100_000}
    pq.write_table(arrow(ROWS).replace_schema_metadata(about), path)


def a_column_twice(path: Path) -> None:
    table = arrow(ROWS)
    pq.write_table(table.append_column("value", table["value"]), path)


def twice(path: Path) -> None:
    pq.write_table(arrow([*ROWS, ROWS[0]]), path)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (truncate, "Parquet"),
        (damage, ""),
        (no_parquet, "Parquet"),
        (empty_file, "Parquet"),
        (other_columns, "it has no column architecture, dataset, metric, epochs, seed (its"),
        (text_values, "its column value holds string instead of numbers"),
        (text_epochs, "its column epochs holds string instead of whole numbers"),
        (numbered_architectures, "its column architecture holds int64 instead of text"),
        (holes, "its column metric has empty entries"),
        (huge_epochs, "1000000"),
        (no_rows, "it has no rows"),
        (foreign_metadata, "its metadata untrained.provenance is no JSON object"),
        (deep_metadata, "maximum recursion depth"),
        (a_column_twice, "it has the column value 2 times"),
        (twice, "has '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|' twice"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_name_and_remedy(
    toy: ParquetBenchmark, folder: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(folder / "toy.parquet")
    with pytest.raises(MalformedInput) as caught:
        toy.table()
    message = str(caught.value)
    assert str(folder / "toy.parquet") in message
    assert reason in message
    assert "replace the file by an undamaged copy" in message
    assert "\n" not in message


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([A, B, C, D]),
            st.sampled_from(["cifar10", "cifar100"]),
            st.sampled_from(["test_accuracy", "valid_accuracy", "loss"]),
            st.integers(-(2**15), 2**15 - 1),
            st.integers(-(2**7), 2**7 - 1),
            st.floats(0, 100, width=32),
        ),
        min_size=1,
        unique_by=lambda row: row[:5],
    )
)
def test_every_row_is_found_again(rows: list[tuple[str, str, str, int, int, float]]) -> None:
    plain = LongTable(arrow(rows))
    as_written = arrow(rows)
    for name in ("architecture", "dataset", "metric"):
        column = as_written.column_names.index(name)
        as_written = as_written.set_column(
            column, name, as_written[name].cast(pa.string()).dictionary_encode()
        )
    for table in (plain, LongTable(as_written)):
        assert sum(len(table.series(t)) for t in table.targets) == len(rows)
        for architecture, dataset, metric, epochs, seed, value in rows:
            series = table.series(Target(dataset, metric, epochs, seed))
            assert series[architecture] == value


def test_real_table_has_the_published_optima(real_table: Path) -> None:
    benchmark = benchmarks["nasbench201"]
    best = {
        ("cifar10", "valid_accuracy"): 91.61,
        ("cifar10", "test_accuracy"): 94.37,
        ("cifar100", "valid_accuracy"): 73.49,
        ("cifar100", "test_accuracy"): 73.51,
        ("imagenet16-120", "valid_accuracy"): 46.73,
        ("imagenet16-120", "test_accuracy"): 47.31,
    }
    for (dataset, metric), value in best.items():
        found = benchmark.best(dataset=dataset, metric=metric)["value"][0]
        assert found == pytest.approx(value, abs=0.005)
    assert benchmark.default_target == Target("cifar10", "test_accuracy", 200, -1)


def test_real_table_holds_exactly_the_space(real_table: Path) -> None:
    table = benchmarks["nasbench201"].table()
    assert set(table["architecture"]) == {arch.text for arch in spaces["nasbench201"]}
    seeds = [len(benchmarks["nasbench201"].table(seed=seed)) for seed in (0, 1, 2)]
    assert seeds == [15_625, 13_400, 7_961]
