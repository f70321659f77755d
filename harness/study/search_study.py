"""Models of search studies: TOML files, or the options of `untrained search`.

Every default of a search is here, except those of the searchers' own settings.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from untrained.harness.study.study import Conditions, StudyFile, StudyTable

_TUPLE = Field(strict=False)
Texts = Annotated[tuple[Annotated[str, Field(strict=True)], ...], _TUPLE]


class SearchSpec(StudyTable):
    """One searcher with an estimator, settings and a budget."""

    searcher: str
    """Searcher: see untrained list searchers."""
    label: str | None = None
    """Label of its row; by default made of searcher, estimator and settings."""
    indicator: Texts = ()
    """Objective: an indicator, several indicators (rank sum), or an aggregate (te_nas, teg, ...)
    and its members, if they are not its own."""
    settings: dict[str, Any] = Field(default={})
    """Settings of the searcher that differ from the default: see untrained list searchers."""
    seconds: PositiveFloat | None = None
    """Time budget in seconds, simulated or measured; steps that would exceed it are skipped."""
    evaluations: PositiveInt | None = None
    """Budget in numbers of scores and trainings."""
    runs: PositiveInt | None = None
    """Number of runs (default: the study's)."""
    limits: dict[str, float] = Field(default={})
    """Upper bound on params, flops or a cost of the benchmark."""
    inputs: str | None = None
    """Inputs of a supernet (default: those of [measuring])."""
    against: str | None = None
    """Label of another search of the study, for instance the same searcher without indicators; the
    report has the speed-up over it."""
    confined: bool = False
    """Restrict the search to the scored networks, where only a part is scored; the neighbours of a
    network are then the scored ones at the smallest number of changed decisions."""


class LandscapeOptions(StudyTable):
    """Landscapes of a report, and the routes on them; none without searches."""

    searches: Texts = ()
    """Labels of searches."""
    indicators: Texts = ()
    """Ids of indicators (default: those of the searches)."""


class SearchStudy(StudyFile):
    """Searches of one space, each run several times and looked up in one benchmark."""

    space: str
    """Search space."""
    dataset: str | None = None
    """Dataset of the accuracies (default: that of the benchmark's default target)."""
    benchmark: str | None = None
    """Benchmark of the accuracies (default: the first of the space whose data is present)."""
    scores: str | None = None
    """Store or exported scores.parquet to look all scores up in, relative to the working directory,
    or the name of a study with committed scores; none is measured."""
    store: str | None = None
    """Store of scores that are measured during the searches; a killed search resumes from it."""
    known_scores: str | None = None
    """Stored scores of random networks, for random search at equal cost and the landscape (default:
    `scores`; for a landscape, `store` if there are none)."""
    protocols: Texts = ()
    """Digests of protocols, where stored scores have an indicator under several."""
    landscape: LandscapeOptions | None = None
    """Landscapes (default: of the first four searches that move from network to network by scores,
    if scores are stored)."""
    measuring: Conditions = Conditions()
    """Conditions of scores that are measured."""
    runs: PositiveInt = 100
    """Number of runs of each search."""
    pools: PositiveInt | None = None
    """Number of random pools of scored networks over which the runs of searches by stored scores
    are divided (default: all scored networks are one pool)."""
    pool_size: PositiveInt | None = None
    """Networks in each pool (default: half of the scored ones)."""
    seed: int = 0
    """Seed of all searches; each run has a random stream of its own."""
    search: Annotated[tuple[SearchSpec, ...], _TUPLE]
    """The searches."""

    @model_validator(mode="after")
    def _fits_together(self) -> SearchStudy:
        if self.scores is not None and self.store is not None:
            raise ValueError("scores are either looked up (scores) or measured (store), not both")
        if self.pools is None and self.pool_size is not None:
            raise ValueError("pool_size is the size of each pool; add their number, pools")
        if self.pools is not None and self.scores is None:
            raise ValueError("pools are drawn from stored scores; add scores, or leave pools out")
        # a least length of the field would be reported beside every mistake in one of its tables
        if not self.search:
            raise ValueError("search is empty; add a table [[search]]")
        labels = [one.label for one in self.search]
        for one in self.search:
            if one.against is not None and (one.against not in labels or one.against == one.label):
                known = ", ".join(label for label in labels if label is not None)
                raise ValueError(
                    f"against = {one.against!r} is the label of no other search; there are: {known}"
                )
        return self
