"""What every registered searcher promises, on a small table of NAS-Bench-201."""

import pytest

from untrained.harness.contract import Inapplicable
from untrained.harness.contract.searchers import ON_SUPERNETS, Secret, reachable, runs, says
from untrained.harness.search import searchers

ON_TABLES = [name for name, item in searchers.items() if not item.asks & ON_SUPERNETS]


def each(suite):
    return pytest.mark.parametrize("promise", list(suite), ids=lambda promise: promise.name)


@each(runs)
@pytest.mark.parametrize("name", ON_TABLES)
def test_runs(name, promise):
    promise(searchers[name])


@each(says)
@pytest.mark.parametrize("name", list(searchers))
def test_declarations(name, promise):
    assert searchers[name].name == name
    promise(searchers[name])


@each(runs)
def test_a_searcher_on_supernets_is_left_out_aloud(promise):
    with pytest.raises(Inapplicable, match="supernet"):
        promise(searchers["te_nas"])


def test_the_walk_over_references_finds_what_is_hidden():
    secret = Secret()
    hidden = {"a": [lambda: secret]}
    assert any(isinstance(thing, Secret) for thing in reachable(hidden))
