"""`untrained.results.frame`: what a notebook reads from a store."""

import math

import pytest

from untrained.foundation import MissingData, UserError
from untrained.results import frame


def test_scores_become_a_table_of_architectures_and_indicators(store, make_score, environment):
    scores = [
        make_score("a", 1.0),
        make_score("a", 3.0, seed=1),
        make_score("b", 5.0),
        make_score("a", indicator="jacov", status="diverged"),
        make_score("b", -math.inf, indicator="jacov"),
    ]
    store.put(scores, environment)
    table = frame(store)
    assert table.index.tolist() == ["a", "b"]
    assert table["naswot"].tolist() == [2.0, 5.0]
    assert math.isnan(table.loc["a", "jacov"])
    assert table.loc["b", "jacov"] == -math.inf
    assert frame(store.path, indicators=["naswot"], seed=1).to_dict() == {"naswot": {"a": 3.0}}


def test_scores_of_different_conditions_are_not_mixed(store, make_score, environment):
    store.put([make_score(), make_score("b", protocol="p1")], environment)
    with pytest.raises(UserError, match=r"naswot 1 p0, naswot 1 p1. Choose one with protocol="):
        frame(store)
    assert frame(store, protocol="p1").index.tolist() == ["b"]
    store.put([make_score(space="other")], environment)
    with pytest.raises(UserError, match=r"other, toy. Choose one with space="):
        frame(store)
    with pytest.raises(MissingData, match="untrained score"):
        frame(store, space="nasbench101")
