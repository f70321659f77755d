"""A listing is kept until the code changes, and never costs more than its time."""

import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from untrained.harness.cli import list_cache
from untrained.harness.cli.list_cache import kept

ROWS = [{"name": "naswot", "needs": ["images"], "size": None}]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path / "cache"))
    monkeypatch.setattr(list_cache, "entry_points", EntryPoints)
    monkeypatch.delitem(sys.modules, "torch")
    return tmp_path / "cache"


@pytest.fixture
def made():
    """Numbers of the calls that had to make the rows."""
    return []


@pytest.fixture
def listed(made):
    def list_rows(kind="indicators"):
        def make():
            made.append(kind)
            yield from ROWS

        return kept(kind, make)

    return list_rows


def test_rows_are_made_once_a_kind(folder, listed, made):
    assert [listed(), listed(), listed("spaces"), listed("spaces")] == [ROWS] * 4
    assert made == ["indicators", "spaces"]


def test_rows_are_made_anew_when_the_code_has_changed(folder, listed, made, monkeypatch):
    listed()
    monkeypatch.setattr(list_cache, "_state", lambda: "another")
    assert (listed(), len(made)) == (ROWS, 2)


def test_every_module_counts(monkeypatch):
    before = list_cache._state()
    assert before == list_cache._state()
    monkeypatch.setattr(list_cache, "_ROOMS", ("harness",))
    assert before != list_cache._state()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": 3}', "\0", '{"rows": []}'])
def test_a_damaged_file_is_made_anew(folder, listed, made, content):
    listed()
    (folder / "list-indicators.json").write_text(content)
    assert (listed(), listed(), len(made)) == (ROWS, ROWS, 2)


def test_a_folder_that_cannot_be_made_costs_only_time(folder, listed, made):
    folder.write_text("a file")
    assert (listed(), listed(), len(made)) == (ROWS, ROWS, 2)


def test_what_may_change_unseen_is_not_kept(folder, listed, made, monkeypatch):
    plugin = EntryPoint("mine", "mine.score", "untrained.indicators")
    monkeypatch.setattr(list_cache, "entry_points", lambda: EntryPoints([plugin]))
    assert (listed(), listed(), len(made)) == (ROWS, ROWS, 2)
    monkeypatch.setattr(list_cache, "entry_points", EntryPoints)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert (listed(), listed(), len(made)) == (ROWS, ROWS, 4)
    assert not folder.exists()
