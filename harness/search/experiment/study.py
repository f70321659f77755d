"""What a set of searches is: a TOML file, or the options of a command, checked against this model.

Every default of a search is here, but for those of the searchers' own settings.
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


class OneSearch(StudyTable):
    """One searcher with an estimator, settings and a budget."""

    searcher: str
    label: str | None = None
    """Of its row; by default made of what follows."""
    indicator: Texts = ()
    """An indicator; several, whose ranks are summed; or an aggregate and, if not its own, its
    members."""
    settings: dict[str, Any] = Field(default={})
    """Of the searcher, those that are not to be the default."""
    seconds: PositiveFloat | None = None
    """Budget of simulated or measured cost."""
    evaluations: PositiveInt | None = None
    """Budget of scores and trainings."""
    runs: PositiveInt | None = None
    """By default as many as the study says."""
    limits: dict[str, float] = Field(default={})
    """Upper bounds: `params`, `flops`, or a cost that the benchmark has."""
    inputs: str | None = None
    """What a supernet sees, instead of what the study says under [measuring]."""
    against: str | None = None
    """Label of another search of the study: how much sooner this one is as good is reported. Meant
    for the same searcher without indicators."""
    confined: bool = False
    """Whether a search over a part of the space may stay in it: what lies next to a network are
    then the scored ones at the smallest number of changed decisions."""


class LandscapeOptions(StudyTable):
    """Which routes are drawn on which landscapes; none without searches."""

    searches: Texts = ()
    """Labels of searches."""
    indicators: Texts = ()
    """Ids; by default those of the searches."""


class SearchStudy(StudyFile):
    """Searches of one space, each run several times and looked up in one benchmark."""

    space: str
    """Name of a search space."""
    dataset: str | None = None
    """That networks are searched for; by default that of the benchmark's default target."""
    benchmark: str | None = None
    """By default the first of the space whose data is present."""
    scores: str | None = None
    """A store or an export of one, relative to where the command runs; scores are then looked up
    and none is measured."""
    store: str | None = None
    """A store in which scores that are measured as searches go are kept."""
    known_scores: str | None = None
    """Stored scores of random networks, for what searches that measure are shown beside: random
    search at equal cost and the landscape. By default `scores`; of a landscape, else `store`."""
    protocols: Texts = ()
    """Digests, to choose among several protocols of an indicator in stored scores."""
    landscape: LandscapeOptions | None = None
    """By default the first four searches that go from network to network by scores, if scores are
    stored."""
    measuring: Conditions = Conditions()
    """How scores are measured where they are not read from a file."""
    runs: PositiveInt = 100
    seed: int = 0
    """Of all searches; each run draws from a stream of its own."""
    search: Annotated[tuple[OneSearch, ...], _TUPLE]

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
    from untrained.harness.search.domain import find_cost
    from untrained.harness.search.experiment.setup import benchmark_of
    from untrained.harness.search.searcher import searchers
    from untrained.harness.search.supernet.estimator import find_estimator

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
