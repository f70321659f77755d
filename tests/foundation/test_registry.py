"""Plug-ins are found, named once, and a broken foreign one takes nothing down."""

import importlib
import re
import sys

import pytest

from untrained.foundation import Registry, UnknownName

PLUGIN = """
from plugged.core import things
things.register({name!r}, {value!r}, origin=__name__)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package `plugged` with a registry and the plug-in files that a test adds."""
    folder = tmp_path / "plugged"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "core.py").write_text(
        "from untrained.foundation import Registry\n"
        "things = Registry('thing', package='plugged', group='plugged.things', hint='look')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [n for n in sys.modules if n.split(".")[0] == "plugged"]:
        del sys.modules[name]


def things():
    from plugged.core import things

    return things


def add(folder, file, name, value):
    (folder / f"{file}.py").write_text(PLUGIN.format(name=name, value=value))


class EntryPoint:
    def __init__(self, name, load):
        self.name, self.value, self.load = name, f"elsewhere:{name}", load


@pytest.fixture
def entry_points(monkeypatch):
    found = []

    def of_group(*, group):
        assert group == "plugged.things"
        return found

    monkeypatch.setattr("importlib.metadata.entry_points", of_group)
    return found


def test_a_file_of_the_folder_is_found_on_first_look_up(package):
    add(package, "later", "b", 2)
    add(package, "sooner", "a", 1)
    registry = things()
    assert "plugged.later" not in sys.modules
    assert list(registry) == ["a", "b"]
    assert registry["b"] == 2
    assert len(registry) == 2
    assert dict(registry) == {"a": 1, "b": 2}
    assert "c" not in registry


def test_a_deleted_file_leaves_nothing(package):
    assert list(things()) == []


def test_a_clash_names_both_places(package):
    add(package, "first", "same", 1)
    add(package, "second", "same", 2)
    with pytest.raises(
        ValueError, match=r"two things are named 'same': in plugged.first and in plugged.second"
    ):
        things()["same"]


def test_a_broken_file_of_ones_own_is_an_error_each_time(package):
    (package / "broken.py").write_text("1 / 0\n")
    registry = things()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            list(registry)


def test_an_unknown_name_suggests_the_nearest_and_says_what_to_do(package):
    add(package, "one", "naswot", 1)
    with pytest.raises(UnknownName) as caught:
        things()["nasw0t"]
    assert str(caught.value) == "no thing named 'nasw0t'; did you mean naswot? (look)"
    assert caught.value.known == ["naswot"]
    assert things().get("nasw0t") is None


def test_an_entry_point_is_loaded_once(package, entry_points):
    calls = []

    def load():
        calls.append(1)
        things().register("foreign", 3, origin="elsewhere")

    entry_points.append(EntryPoint("foreign", load))
    registry = things()
    assert registry["foreign"] == 3
    assert list(registry) == ["foreign"]
    assert calls == [1]


def test_a_broken_entry_point_is_a_warning_and_the_others_stay(package, entry_points):
    def broken():
        raise ImportError("no module named x")

    add(package, "own", "own", 1)
    entry_points.append(EntryPoint("bad", broken))
    entry_points.append(
        EntryPoint("good", lambda: things().register("good", 2, origin="elsewhere"))
    )
    with pytest.warns(RuntimeWarning) as caught:
        assert list(things()) == ["good", "own"]
    (warning,) = caught
    assert str(warning.message) == (
        "the thing plug-in 'bad' (elsewhere:bad) cannot be loaded and is left out: "
        "ImportError: no module named x"
    )


def test_an_entry_point_that_takes_a_name_is_a_warning(package, entry_points):
    add(package, "own", "own", 1)
    entry_points.append(
        EntryPoint("thief", lambda: things().register("own", 2, origin="elsewhere.thief"))
    )
    with pytest.warns(RuntimeWarning, match=r"in plugged.own and in elsewhere.thief"):
        assert things()["own"] == 1


def test_a_real_distribution_is_found_by_its_entry_point(package, tmp_path):
    (tmp_path / "foreign_thing.py").write_text(
        "from plugged.core import things\nthings.register('real', 4, origin=__name__)\n"
    )
    info = tmp_path / "foreign_thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-thing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plugged.things]\nreal = foreign_thing\n")
    importlib.invalidate_caches()
    try:
        assert things()["real"] == 4
    finally:
        sys.modules.pop("foreign_thing", None)


def test_a_plug_in_may_look_others_up_while_it_is_imported(package):
    add(package, "a", "first", 1)
    (package / "b.py").write_text(
        "from plugged.core import things\n"
        "things.register('second', things['first'] + 1, origin=__name__)\n"
    )
    assert dict(things()) == {"first": 1, "second": 2}


def test_registering_hands_the_item_back():
    registry = Registry("thing", package="json", group="none.such")
    item = object()
    assert registry.register("x", item, origin="here") is item
    assert registry["x"] is item


def test_a_pattern_gives_every_name_that_fits_and_a_name_itself(package):
    for name in ("ntk_trace", "ntk_condition", "naswot"):
        add(package, name, name, 0)
    assert things().matching("ntk_*") == ["ntk_condition", "ntk_trace"]
    assert things().matching("na[st]wot") == ["naswot"]
    assert things().matching("naswot") == ["naswot"]


@pytest.mark.parametrize("pattern", ["ntk", "ntk_trade_*"])
def test_a_pattern_that_nothing_fits_is_an_unknown_name(package, pattern):
    add(package, "a", "ntk_trace", 0)
    with pytest.raises(UnknownName, match=rf"no thing named '{re.escape(pattern)}'"):
        things().matching(pattern)


def test_what_is_registered_in_a_borrowed_block_is_forgotten(package):
    add(package, "one", "one", 1)
    registry = things()
    with registry.borrowed() as new:
        registry.register("two", 2, origin="here")
        registry.forget("one")
        assert new() == ["two"]
        assert dict(registry) == {"two": 2}
    assert dict(registry) == {"one": 1}
    registry.register("two", 3, origin="here")


def test_a_borrowed_block_may_begin_without_some(package):
    add(package, "one", "one", 1)
    registry = things()
    with registry.borrowed(without=["one", "unknown"]) as new:
        registry.register("one", 2, origin="here")
        assert registry["one"] == 2
        assert new() == ["one"]
    assert registry["one"] == 1


def test_what_is_not_there_cannot_be_forgotten(package):
    with pytest.raises(UnknownName, match="no thing named 'one'"):
        things().forget("one")
