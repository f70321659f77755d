import math
import sqlite3
from dataclasses import replace

import pandas as pd
import pytest

from untrained.foundation import MalformedInput, MissingData, StorageError
from untrained.results import ScoreStore


@pytest.fixture
def filled(store, make_score, environment):
    store.put_protocol("p0", '{"dataset":"cifar10"}')
    store.put(
        [
            make_score("a", 0.1 + 0.2, alone_s=0.25),
            make_score("b", -math.inf, peak_bytes=2**40, representative="é"),
            make_score("c", status="error", reason='line\nbreak "quoted"'),
        ],
        environment,
    )
    store.put([make_score("a", 2.0, indicator="zen")], replace(environment, device="cuda"))
    return store


@pytest.fixture(params=["parquet", "sqlite"])
def stored(request, filled, tmp_path):
    if request.param == "sqlite":
        return filled.path
    return filled.export(tmp_path / "export.parquet")


def test_absorbing_gives_back_scores_protocols_and_environments(filled, stored, tmp_path):
    with ScoreStore(tmp_path / "other.sqlite") as other:
        assert other.absorb(stored) == 4
        pd.testing.assert_frame_equal(other.frame(), filled.frame())
        assert other.protocols() == filled.protocols()
        assert other.environments() == filled.environments()


def test_absorbing_twice_adds_nothing_to_what_is_ok(stored, tmp_path):
    with ScoreStore(tmp_path / "other.sqlite") as other:
        other.absorb(stored)
        before = other.frame()
        assert other.absorb(stored) == 1  # the failed score is replaced by itself
        pd.testing.assert_frame_equal(other.frame(), before)


def test_a_value_that_is_ok_is_kept_and_a_failed_one_replaced(
    stored, tmp_path, make_score, environment
):
    with ScoreStore(tmp_path / "other.sqlite") as other:
        other.put([make_score("a", 7.0), make_score("b", status="timeout")], environment)
        other.absorb(stored)
        values = other.frame(indicators=["naswot"]).set_index("architecture")["value"]
    assert values["a"] == 7.0
    assert values["b"] == -math.inf


def test_reading_gives_the_same_frame_and_leaves_the_file_alone(filled, stored):
    before = stored.read_bytes() if stored.suffix == ".parquet" else None
    with ScoreStore.read(stored) as opened:
        pd.testing.assert_frame_equal(opened.frame(), filled.frame())
        assert opened.path == stored
    assert before is None or stored.read_bytes() == before


def test_an_export_that_is_not_there_names_its_neighbours(filled, tmp_path):
    filled.export(tmp_path / "scores.parquet")
    with pytest.raises(MissingData, match=r"did you mean.*scores\.parquet"):
        ScoreStore.read(tmp_path / "score.parquet")


def test_a_truncated_export_is_refused_and_nothing_is_added(filled, tmp_path):
    whole = filled.export(tmp_path / "scores.parquet").read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    with ScoreStore(tmp_path / "other.sqlite") as other:
        with pytest.raises(MalformedInput, match=r"cannot read the scores in .*cut.*damaged"):
            other.absorb(cut)
        assert other.frame().empty


def test_another_parquet_file_is_named_as_such(tmp_path):
    pd.DataFrame({"space": ["toy"]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(MalformedInput, match=r"no exported scores: it lacks the columns .*alone_s"):
        ScoreStore.read(tmp_path / "x.parquet")


def test_a_row_that_contradicts_itself_adds_nothing(filled, tmp_path):
    from untrained.results.store.export import write_frame

    frame = filled.frame()
    frame.loc[0, "status"] = "diverged"
    path = write_frame(
        frame,
        tmp_path / "wrong.parquet",
        metadata={
            "untrained.protocols": filled.protocols(),
            "untrained.environments": {
                str(n): one.canonical for n, one in filled.environments().items()
            },
        },
    )
    with ScoreStore(tmp_path / "other.sqlite") as other:
        with pytest.raises(MalformedInput, match=r"wrong\.parquet.*status 'diverged'"):
            other.absorb(path)
        assert other.frame().empty
        assert other.protocols() == {}


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "x.sqlite") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with (
        ScoreStore(tmp_path / "other.sqlite") as other,
        pytest.raises(StorageError, match="another program"),
    ):
        other.absorb(tmp_path / "x.sqlite")


def test_a_part_of_the_scores_is_absorbed(stored, tmp_path):
    with ScoreStore(tmp_path / "part.sqlite") as other:
        assert other.absorb(stored, part=lambda frame: frame[frame["status"] == "ok"]) == 3
        assert set(other.frame()["status"]) == {"ok"}
        assert other.environments()
