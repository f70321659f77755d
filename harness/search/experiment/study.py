"""Load search studies and check every name in them."""

from __future__ import annotations

from untrained.harness.data.datasets import check_input_source, find_dataset
from untrained.harness.study.search_study import SearchStudy
from untrained.harness.study.study_file import At, Named, StudyLoader
from untrained.spaces import find_initialisation, spaces

NamedSearchStudy = Named[SearchStudy]


def _check_names(study: SearchStudy, at: At) -> None:
    # these modules import this one
    from untrained.harness.search.estimator import find_estimator
    from untrained.harness.search.experiment.setup import benchmark_of, find_cost
    from untrained.harness.search.searcher import searchers

    benchmark = None
    with at("space"):
        spaces[study.space]
        with at("benchmark"):
            benchmark = benchmark_of(study)
    known: set[str | None] = {None}
    if benchmark is not None:
        known.update(target.dataset for target in benchmark.targets())
    if study.dataset not in known:
        with at("dataset"):
            known.add(find_dataset(str(study.dataset)).name)
    with at("measuring", "inputs"):
        study.measuring.find_dataset()
    if study.measuring.initialisation is not None:
        with at("measuring", "initialisation"):
            find_initialisation(study.measuring.initialisation)
    if study.landscape is not None and study.landscape.indicators:
        with at("landscape", "indicators"):
            find_estimator(study.landscape.indicators)
    for number, one in enumerate(study.search):
        named: frozenset[str] = frozenset()
        with at("search", number, "searcher"):
            searcher = searchers[one.searcher]
            with at("search", number, "settings"):
                named = searcher.costs_named(searcher.settings(one.settings))
        if one.indicator:
            with at("search", number, "indicator"):
                find_estimator(one.indicator)
        if one.inputs is not None:
            with at("search", number, "inputs"):
                check_input_source(one.inputs)
        # the names of other costs depend on the space and the dataset
        if study.space not in spaces or study.dataset not in known:
            continue
        for name in {*one.limits, *named} - {"params", "flops"}:
            with at("search", number, "limits"):
                find_cost(name, study, benchmark, any_metric=name not in one.limits)


SEARCH_STUDIES = StudyLoader(
    SearchStudy,
    kind="search study",
    package="untrained.harness.search.experiment",
    command="untrained search",
    hint="give a .toml file, or use --searcher",
    check_names=_check_names,
)
builtin_search_studies, load_search_study = SEARCH_STUDIES.builtin, SEARCH_STUDIES.load
