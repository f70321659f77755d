import math
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrained.results import STATUSES, Environment, Score, ScoreStore

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
int64 = st.integers(-(2**63), 2**63 - 1)
failures = st.tuples(st.just(math.nan), st.sampled_from([s for s in STATUSES if s != "ok"]))
outcomes = st.tuples(st.floats(allow_nan=False), st.just("ok")) | failures


@st.composite
def scores(draw):
    value, status = draw(outcomes)
    return Score(
        space=draw(st.sampled_from(["s", "t"])),
        architecture=draw(texts),
        indicator=draw(texts),
        version=draw(st.integers(1, 3)),
        protocol=draw(texts),
        seed=draw(int64),
        value=value,
        status=status,
        reason=draw(texts),
        alone_s=draw(st.floats(min_value=0)),
        peak_bytes=draw(st.none() | st.integers(0, 2**62)),
        representative=draw(st.none() | texts),
    )


def as_score(row):
    fields = {name: row[name] for name in Score.__dataclass_fields__}
    fields["peak_bytes"] = None if pd.isna(row["peak_bytes"]) else int(row["peak_bytes"])
    fields["representative"] = None if pd.isna(row["representative"]) else row["representative"]
    return Score(**fields)


def same(a, b):
    """Equality in which NaN equals NaN and -0.0 differs from 0.0."""
    return repr(a) == repr(b)


@settings(max_examples=40)
@given(batches=st.lists(st.lists(scores(), max_size=4), max_size=3))
def test_what_was_put_comes_back(batches):
    environment = Environment(*[None] * 10)
    expected = {}
    with tempfile.TemporaryDirectory() as folder, ScoreStore(Path(folder) / "x.sqlite") as store:
        for batch in batches:
            store.put(batch, environment)
            for score in batch:
                if score.key not in expected or expected[score.key].status != "ok":
                    expected[score.key] = score
        frame = store.frame()
        assert store.missing(expected) == []
    found = [as_score(row) for row in frame.to_dict("records")]
    assert same(found, [expected[key] for key in sorted(expected)])


def test_a_store_opened_again_shows_its_scores_right_away(store, make_score, environment):
    store.put([make_score("b", -math.inf), make_score("a", 2.0)], environment)
    store.close()
    frame = ScoreStore(store.path).frame()
    assert frame["architecture"].tolist() == ["a", "b"]
    assert frame["value"].tolist() == [2.0, -math.inf]


def test_a_store_is_one_file_once_it_is_closed(store, make_score, environment):
    store.put([make_score()], environment)
    store.close()
    store.close()
    assert [p.name for p in store.path.parent.iterdir()] == ["scores.sqlite"]


def test_an_empty_store_gives_an_empty_frame_with_typed_columns(store, make_score, environment):
    empty = store.frame()
    store.put([make_score()], environment)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == store.frame().dtypes.to_dict()


def test_a_score_that_is_ok_is_never_overwritten(store, make_score, environment):
    store.put([make_score(value=1.0)], environment)
    assert store.put([make_score(value=2.0), make_score(status="error")], environment) == 0
    assert store.frame()["value"].tolist() == [1.0]


def test_a_failed_score_is_replaced_with_its_environment(store, make_score, environment):
    store.put([make_score(status="timeout", reason="60 s")], environment)
    store.put([make_score(status="error", reason="bad")], replace(environment, threads=2))
    assert store.frame()[["status", "reason"]].values.tolist() == [["error", "bad"]]
    store.put([make_score(value=4.0)], replace(environment, threads=3))
    frame = store.frame()
    assert frame[["value", "status", "reason"]].values.tolist() == [[4.0, "ok", ""]]
    assert store.environments()[frame["environment"][0]].threads == 3


@pytest.mark.parametrize(
    "change",
    [{"space": "other"}, {"version": 2}, {"protocol": "p1"}, {"seed": 1}, {"indicator": "snip"}],
)
def test_every_part_of_the_key_tells_scores_apart(store, make_score, environment, change):
    store.put([make_score(value=1.0), make_score(value=2.0, **change)], environment)
    assert sorted(store.frame()["value"]) == [1.0, 2.0]
    assert store.missing([make_score(**change).key, make_score("c", **change).key]) == [
        make_score("c", **change).key
    ]


def test_missing_keeps_the_given_order_and_names_each_key_once(store, make_score, environment):
    store.put([make_score("b"), make_score("d", status="error")], environment)
    keys = [make_score(name).key for name in "edcbade"]
    assert [key.architecture for key in store.missing(keys)] == ["e", "c", "a"]
    retried = store.missing(keys, retry_failed=True)
    assert [key.architecture for key in retried] == ["e", "d", "c", "a"]


def test_a_batch_that_raises_half_way_leaves_nothing(store, make_score, environment):
    def batch():
        yield make_score("a")
        raise RuntimeError("worker died")

    with pytest.raises(RuntimeError, match="worker died"):
        store.put(batch(), environment)
    assert store.frame().empty
    assert store.environments() == {}


@pytest.mark.parametrize(
    ("filters", "values"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"space": "toy"}, [0, 1, 2, 3]),
        ({"indicators": ["snip", "unheard_of"]}, [1]),
        ({"indicators": []}, []),
        ({"protocol": "p9"}, [2]),
        ({"seed": 7}, [3]),
        ({"space": "toy", "indicators": ["naswot"], "protocol": "p0", "seed": 0}, [0]),
    ],
)
def test_frame_filters(store, make_score, environment, filters, values):
    scores = [
        make_score(value=0),
        make_score(value=1, indicator="snip"),
        make_score(value=2, protocol="p9"),
        make_score(value=3, seed=7),
        make_score(value=4, space="other"),
    ]
    store.put(scores, environment)
    assert sorted(store.frame(**filters)["value"]) == values


def test_equal_contents_give_equal_frames_whatever_the_order(tmp_path, make_score, environment):
    scores = [
        make_score(name, float(i), indicator=indicator)
        for i, (name, indicator) in enumerate((a, b) for a in "cab" for b in ("snip", "naswot"))
    ]
    frames = []
    for name, order in (("x", scores), ("y", scores[::-1])):
        with ScoreStore(tmp_path / f"{name}.sqlite") as store:
            for score in order:
                store.put([score], environment)
            frames.append(store.frame())
    pd.testing.assert_frame_equal(*frames)


def test_protocols_are_known_by_digest_before_and_after_they_are_described(
    store, make_score, environment
):
    store.put([make_score(protocol="p0")], environment)
    assert store.protocols() == {"p0": ""}
    store.put_protocol("p0", '{"dataset":"cifar10"}')
    store.put_protocol("a1", "{}")
    assert store.protocols() == {"a1": "{}", "p0": '{"dataset":"cifar10"}'}
    assert len(store.frame()) == 1


def test_equal_environments_are_stored_once(store, make_score, environment):
    store.put([make_score("a")], environment)
    store.put([make_score("b")], replace(environment))
    assert store.environments() == {1: environment}


def test_a_reason_that_utf8_cannot_hold_is_escaped(store, make_score, environment):
    store.put([make_score(status="error", reason="cannot read '\udcff.png'")], environment)
    assert store.frame()["reason"].tolist() == ["cannot read '\\udcff.png'"]
