"""Every built-in set of searches names what exists, with settings that its searcher takes."""

from __future__ import annotations

import pytest

from untrained.harness.search import Asks, find_estimator, searchers
from untrained.harness.search.experiment.study import builtin_search_studies, load_search_study
from untrained.harness.study.study import Conditions
from untrained.spaces import benchmarks, find_initialisation, spaces


@pytest.mark.parametrize("name", builtin_search_studies())
def test_a_built_in_study_can_be_asked_for(name: str) -> None:
    named = load_search_study(name)
    study = named.study
    assert named.command == f"untrained search {name}"
    assert study.title
    assert study.space in spaces
    assert study.benchmark in benchmarks
    if study.measuring.initialisation:
        find_initialisation(study.measuring.initialisation)
    Conditions(inputs=study.measuring.inputs).find_dataset()
    for one in study.search:
        searcher = searchers[one.searcher]
        asked = searcher.asks_with(searcher.settings(one.settings))
        needs_scores = {Asks.scores, Asks.drawn_scores, Asks.supernet} & asked
        if needs_scores:
            find_estimator(one.indicator)
        single = {Asks.scores, Asks.drawn_scores} & asked
        assert not single or study.scores or study.store, "its scores come from nowhere"
