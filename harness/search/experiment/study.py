"""Search studies: models of a TOML file, or of the options of a command.

Every default of a search is here, except those of the searchers' own settings.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from untrained.harness.data.datasets import check_input_source, find_dataset
from untrained.harness.study.study import Conditions, StudyFile, StudyTable
from untrained.harness.study.study_file import At, Named, StudyLoader
from untrained.spaces import find_initialisation, spaces

_TUPLE = Field(strict=False)
Texts = Annotated[tuple[Annotated[str, Field(strict=True)], ...], _TUPLE]


class SearchSpec(StudyTable):
    """One searcher with an estimator, settings and a budget."""

    searcher: str
    label: str | None = None
    """Label of its row; by default made of searcher, estimator and settings."""
    indicator: Texts = ()
    """An indicator; several, whose ranks are summed; or an aggregate and, if not its own, its
    members."""
    settings: dict[str, Any] = Field(default={})
    """Settings of the searcher that differ from the default."""
    seconds: PositiveFloat | None = None
    """Budget of simulated or measured cost."""
    evaluations: PositiveInt | None = None
    """Budget of scores and trainings."""
    runs: PositiveInt | None = None
    """Number of runs; by default the study's."""
    limits: dict[str, float] = Field(default={})
    """Upper bounds: `params`, `flops`, or a cost that the benchmark has."""
    inputs: str | None = None
    """Inputs of a supernet; by default those of [measuring]."""
    against: str | None = None
    """Label of another search of the study, for instance the same searcher without indicators; the
    report has the speed-up over it."""
    confined: bool = False
    """Whether a search of a part of the space stays in it; the neighbours of a network are then the
    scored ones at the smallest number of changed decisions."""


class LandscapeOptions(StudyTable):
    """Which routes are drawn on which landscapes; none without searches."""

    searches: Texts = ()
    """Labels of searches."""
    indicators: Texts = ()
    """Ids of indicators; by default those of the searches."""


class SearchStudy(StudyFile):
    """Searches of one space, each run several times and looked up in one benchmark."""

    space: str
    """Name of a search space."""
    dataset: str | None = None
    """Data set of the networks; by default that of the benchmark's default target."""
    benchmark: str | None = None
    """By default the first of the space whose data is present."""
    scores: str | None = None
    """A store or an export of one, relative to the working directory; all scores are looked up
    there."""
    store: str | None = None
    """A store of scores that are measured during the searches."""
    known_scores: str | None = None
    """Stored scores of random networks, for random search at equal cost and the landscape; by
    default `scores`, for a landscape else `store`."""
    protocols: Texts = ()
    """Digests, to choose among several protocols of an indicator in stored scores."""
    landscape: LandscapeOptions | None = None
    """By default the first four searches that move from network to network by scores, if scores are
    stored."""
    measuring: Conditions = Conditions()
    """Conditions of scores that are measured."""
    runs: PositiveInt = 100
    seed: int = 0
    """Seed of all searches; each run draws from a stream of its own."""
    search: Annotated[tuple[SearchSpec, ...], _TUPLE]

    @model_validator(mode="after")
    def _one_source(self) -> SearchStudy:
        if self.scores is not None and self.store is not None:
            raise ValueError("scores are either looked up (scores) or measured (store), not both")
        return self

    @model_validator(mode="after")
    def _searches_something(self) -> SearchStudy:
        # a least length of the field would be reported beside every mistake in one of its tables
        if not self.search:
            raise ValueError("search is empty; add a table [[search]]")
        return self

    @model_validator(mode="after")
    def _pairs_exist(self) -> SearchStudy:
        labels = [one.label for one in self.search]
        for one in self.search:
            if one.against is not None and (one.against not in labels or one.against == one.label):
                known = ", ".join(label for label in labels if label is not None)
                raise ValueError(
                    f"against = {one.against!r} is the label of no other search; there are: {known}"
                )
        return self


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
        costs = list(one.limits)
        with at("search", number, "searcher"):
            searcher = searchers[one.searcher]
            with at("search", number, "settings"):
                settings = searcher.settings(one.settings)
                parameters = searcher.parameters.items()
                costs += [str(settings[key]) for key, item in parameters if item.is_cost]
        if one.indicator:
            with at("search", number, "indicator"):
                find_estimator(one.indicator)
        if one.inputs is not None:
            with at("search", number, "inputs"):
                check_input_source(one.inputs)
        # the names of other costs depend on the space and the dataset
        if study.space not in spaces or study.dataset not in known:
            continue
        for name in set(costs) - {"params", "flops"}:
            with at("search", number, "limits"):
                find_cost(name, study, benchmark)


SEARCH_STUDIES = StudyLoader(
    SearchStudy,
    kind="search study",
    package="untrained.harness.search.experiment",
    command="untrained search",
    hint="give a .toml file, or use --searcher",
    check_names=_check_names,
)
builtin_search_studies, load_search_study = SEARCH_STUDIES.builtin, SEARCH_STUDIES.load
