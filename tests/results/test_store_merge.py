"""Merged stores hold every score once; what does not fit changes nothing."""

import shutil
import sqlite3
import tracemalloc
from dataclasses import replace

import pytest

from untrained.foundation import MissingData, StorageError
from untrained.results import ScoreStore
from untrained.results.store import merge
from untrained.results.store.database import connect
from untrained.results.store.merge import merge_stores


def canonical_of(space):
    """Of the space toy every second letter computes what the letter before it does."""
    return (lambda text: {"b": "a", "d": "c"}.get(text, text)) if space == "toy" else None


@pytest.fixture
def make(tmp_path, environment):
    def write(name, *scores, protocols=(("p0", "{}"),), threads=1):
        with ScoreStore(tmp_path / name) as store:
            store.put(scores, replace(environment, threads=threads))
            for digest, canonical in protocols:
                store.put_protocol(digest, canonical)
        return tmp_path / name

    return write


def contents(path):
    with ScoreStore(path, create=False) as store:
        frame = store.frame()
        frame["environment"] = frame["environment"].map(store.environments())
        return frame, store.protocols()


def merged(paths, output):
    return merge_stores(paths, output, canonical_of=canonical_of)


def only(folder, *names):
    """Tell whether a folder holds these files and nothing that a merge has left."""
    return {path.name for path in folder.iterdir()} == set(names)


def test_parts_give_the_whole_with_protocols_and_environments(make, make_score, tmp_path):
    scores = [
        make_score("a", 1.5),
        make_score("b", -0.0, indicator="snip", seed=7),
        make_score("c", float("inf"), protocol="p1", version=2),
        make_score("d", status="timeout", reason="slow", alone_s=3.5, peak_bytes=9),
    ]
    both = [("p0", "{}"), ("p1", "[1]")]
    whole = make("whole.sqlite", *scores, protocols=both)
    one = make("one.sqlite", *scores[:1], protocols=both)
    two = make("two.sqlite", *scores[1:3])  # it does not know what p1 stands for
    three = make("three.sqlite", *scores[3:])
    output = tmp_path / "out" / "all.sqlite"
    assert merged([three, two, one], output) == 4
    frame, protocols = contents(output)
    expected, described = contents(whole)
    assert frame.equals(expected)
    assert protocols == described
    assert only(output.parent, "all.sqlite")


def test_merging_again_and_with_the_output_among_the_inputs_adds_nothing(
    make, make_score, tmp_path
):
    one, two = make("1.sqlite", make_score("a")), make("2.sqlite", make_score("c"))
    output = tmp_path / "3.sqlite"
    assert merged([one, two], output) == 2
    before = contents(output)[0]
    assert merged([one, one, two, output], output) == 0
    assert contents(output)[0].equals(before)
    assert merged([make("4.sqlite", make_score("e"))], output) == 1
    assert contents(output)[0]["architecture"].tolist() == ["a", "c", "e"]


def test_what_is_ok_stands_and_replaces_what_failed(make, make_score, tmp_path):
    first, second = ({"status": "error", "reason": text} for text in ("first", "second"))
    one = make("1.sqlite", make_score("a"), make_score("c", **first), make_score("e", **first))
    others = [make_score("a", **second), make_score("c", 2.0), make_score("e", **second)]
    two = make("2.sqlite", *others, threads=2)
    for number, paths in enumerate(([one, two], [two, one])):
        output = tmp_path / f"out{number}.sqlite"
        assert merged(paths, output) == 3
        frame = contents(output)[0].set_index("architecture")
        assert frame["value"].tolist()[:2] == [1.0, 2.0]
        assert frame["reason"].tolist() == ["", "", ("first", "second")[number]]
        assert [one.threads for one in frame["environment"][:2]] == [1, 2]


def test_an_export_is_merged_like_its_store(make, make_score, tmp_path):
    one, two = make("1.sqlite", make_score("a")), make("2.sqlite", make_score("c", 3.0))
    with ScoreStore(two) as store:
        exported = store.export(tmp_path / "2.parquet")
    merged([one, two], tmp_path / "x.sqlite")
    merged([one, exported], tmp_path / "y.sqlite")
    assert contents(tmp_path / "y.sqlite")[0].equals(contents(tmp_path / "x.sqlite")[0])


def unfit(make, make_score, case):
    """Make two stores that do not fit; return them and what is said."""
    mine = make("1.sqlite", make_score("a", 1.0), make_score("c"))
    if case == "values":
        theirs = make("2.sqlite", make_score("e"), make_score("a", 1.5))
        text = r"its score of naswot for a of toy \(seed 0\) is 1\.5, and .* before it 1\.0\."
    elif case == "protocols":
        theirs = make("2.sqlite", make_score("e"), protocols=[("p0", "[]")])
        text = r"describes the protocol p0 otherwise"
    elif case == "shared value":
        theirs = make("2.sqlite", make_score("c", representative="x"))
        text = r"naswot for c of toy \(seed 0\) is that of x, and in a store before it its own\."
    elif case == "sharing":
        mine = make("3.sqlite", make_score("a"), make_score("b"))
        theirs = make("2.sqlite", make_score("d", representative="c"))
        text = r"of naswot of toy .* with class sharing .* others without, such as that of b\."
    elif case == "schema":
        theirs = make("2.sqlite", make_score("e"))
        with sqlite3.connect(theirs) as connection:
            connection.execute("UPDATE meta SET value = '7' WHERE key = 'schema_version'")
        connection.close()
        text = "its schema version is 7"
    else:
        theirs = mine.with_name("2.sqlite")
        theirs.write_bytes(b"hello")
        text = "it is not an SQLite database"
    return mine, theirs, text


CASES = ["values", "protocols", "shared value", "sharing", "schema", "file"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("exists", [False, True])
def test_stores_that_do_not_fit_are_refused_and_nothing_changes(
    make, make_score, tmp_path, case, exists
):
    mine, theirs, text = unfit(make, make_score, case)
    folder = tmp_path / "out"
    folder.mkdir()
    output = folder / "all.sqlite"
    if exists:
        shutil.copy(mine, output)
        before = contents(output)
    with pytest.raises(StorageError, match=text):
        merged([theirs] if exists else [mine, theirs], output)
    assert only(folder, *(["all.sqlite"] if exists else []))
    if exists:
        now = contents(output)
        assert now[0].equals(before[0])
        assert now[1] == before[1]


@pytest.mark.parametrize("other", [{"version": 2}, {"protocol": "p1"}])
def test_sharing_is_a_setting_of_one_version_and_protocol(make, make_score, tmp_path, other):
    one = make("1.sqlite", make_score("d", representative="c"), make_score("b", **other))
    assert merged([one], tmp_path / "all.sqlite") == 2
    two = make("2.sqlite", make_score("d", representative="c", **other))
    with pytest.raises(StorageError, match="such as that of b"):
        merged([one, two], tmp_path / "all.sqlite")


def test_classes_of_an_unknown_space_are_not_judged(make, make_score, tmp_path):
    one = make("1.sqlite", make_score("b", space="else"))
    two = make("2.sqlite", make_score("d", representative="c", space="else"))
    assert merged([one, two], tmp_path / "all.sqlite") == 2


def test_a_representative_goes_with_shared_scores(make, make_score, tmp_path):
    one = make("1.sqlite", make_score("a"), make_score("b", indicator="snip"))
    two = make("2.sqlite", make_score("d", representative="c"))
    assert merged([one, two], tmp_path / "all.sqlite") == 3


def test_no_store_is_merged_under_the_name_of_a_table(make, make_score, tmp_path):
    one = make("1.sqlite", make_score("a"))
    with pytest.raises(StorageError, match="is read as a table of scores"):
        merged([one], tmp_path / "all.parquet")
    assert only(tmp_path, "1.sqlite")


def test_a_missing_store_is_named(make, make_score, tmp_path):
    with pytest.raises(MissingData, match=r"no score store at .*2\.sqlite"):
        merged(
            [make("1.sqlite", make_score("a")), tmp_path / "2.sqlite"], tmp_path / "y/z/x.sqlite"
        )
    assert only(tmp_path, "1.sqlite")


def test_an_interrupted_merge_leaves_nothing(make, make_score, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(merge, "_check_sharing", stop)
    with pytest.raises(KeyboardInterrupt):
        merged([make("1.sqlite", make_score("a"))], tmp_path / "x.sqlite")
    assert only(tmp_path, "1.sqlite")


def test_a_place_that_cannot_be_written_is_a_storage_error(make, make_score, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot merge into .*Nothing was changed"):
        merged([make("1.sqlite", make_score("a"))], tmp_path / "file" / "x.sqlite")


def test_rows_that_wait_in_the_log_of_a_store_are_merged(make, make_score, tmp_path, environment):
    path = make("1.sqlite", make_score("a"))
    with ScoreStore(path) as store:
        store.put([make_score("c")], environment)
        assert merged([path], tmp_path / "x.sqlite") == 2


def test_rows_stay_in_sqlite(make, make_score, tmp_path):
    count = 3000
    one = make("1.sqlite", *(make_score(f"a{i:0200}") for i in range(count)))
    tracemalloc.start()
    merged([one], tmp_path / "x.sqlite")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * count, "Python held the rows"


def test_sharing_is_checked_in_time_that_grows_with_the_scores(
    make, make_score, tmp_path, monkeypatch
):
    """Counted in steps of SQLite: of many networks each score is looked at a few times."""
    steps = []

    def counted(path, *, create):
        connection = connect(path, create=create)
        connection.set_progress_handler(lambda: steps.append(1), 100)
        return connection

    monkeypatch.setattr(merge, "connect", counted)

    def cost(n):
        scores = [make_score(f"{i}", space="toy", representative="a") for i in range(n)]
        other = make_score("a", indicator="snip", space="toy")
        steps.clear()
        one, two = make(f"{n}.sqlite", *scores), make(f"{n}-2.sqlite", other)
        assert merged([one, two], tmp_path / f"{n}-all.sqlite") == n + 1
        return len(steps)

    assert cost(4000) < 3 * cost(2000)
