"""What a set of searches is: a TOML file, or the options of a command, checked against this model.

Every default of a search is here, but for those of the searchers' own settings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from untrained.foundation import MalformedInput, MissingData, UnknownName
from untrained.harness.study.study import Conditions
from untrained.harness.study.study_file import checked

_TUPLE = Field(strict=False)
Texts = Annotated[tuple[Annotated[str, Field(strict=True)], ...], _TUPLE]


class _Section(BaseModel):
    """Unknown keys, silently converted types, and budgets without an end are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class OneSearch(_Section):
    """One searcher with an estimator, settings and a budget."""

    searcher: str
    label: str | None = None
    """Of its row; by default made of what follows."""
    indicator: Texts = ()
    """An indicator; several, whose ranks are summed; or an aggregate and, if not its own, its
    members."""
    settings: dict[str, Any] = {}
    """Of the searcher, those that are not to be the default."""
    seconds: PositiveFloat | None = None
    """Budget of simulated or measured cost."""
    evaluations: PositiveInt | None = None
    """Budget of scores and trainings."""
    runs: PositiveInt | None = None
    """By default as many as the study says."""
    limits: dict[str, float] = {}
    """Upper bounds: `params`, `flops`, or a cost that the benchmark has."""
    inputs: str | None = None
    """What a supernet sees, instead of what the study says under [measuring]."""
    against: str | None = None
    """Label of another search of the study: how much sooner this one is as good is reported. Meant
    for the same searcher without indicators."""
    confined: bool = False
    """Whether a search over a part of the space may stay in it: what lies next to a network are
    then the scored ones at the smallest number of changed decisions."""


class LandscapeOptions(_Section):
    """Which routes are drawn on which landscapes; none without searches."""

    searches: Texts = ()
    """Labels of searches."""
    indicators: Texts = ()
    """Ids; by default those of the searches."""


class SearchStudy(_Section):
    """Searches of one space, each run several times and looked up in one benchmark."""

    title: str | None = None
    """The study's name by default."""
    space: str
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


@dataclass(frozen=True, slots=True)
class NamedSearchStudy:
    """A study and where it comes from."""

    name: str
    study: SearchStudy
    command: str
    """What a reader types to repeat it."""

    @property
    def title(self) -> str:
        """The study's title, or its name."""
        return self.study.title or self.name


def builtin_search_studies() -> list[str]:
    """Names of those that come with the project, sorted."""
    folder = files("untrained.harness.search.experiment") / "studies"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_search_study(name: str, changes: Mapping[str, Any] | None = None) -> NamedSearchStudy:
    """The study in a TOML file, or the built-in one of a name.

    Args:
        name: a path, or the name of a built-in study.

    Raises:
        UnknownName: neither a file nor a built-in study.
        MissingData: a .toml file that is not there.
        MalformedInput: the file cannot be read or is no such study; the message names the line.
    """
    path = Path(name)
    known = builtin_search_studies()
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedInput(f"the search study {path} cannot be read: {error}") from error
    elif name in known:
        path = Path(f"{name}.toml")
        text = (files("untrained.harness.search.experiment") / "studies" / path.name).read_text(
            "utf-8"
        )
    elif path.suffix == ".toml" or len(path.parts) > 1:
        raise MissingData(
            f"the search study {path} does not exist; built-in ones are: {', '.join(known)}"
        )
    else:
        raise UnknownName("search study", name, known, "give a .toml file, or use --searcher")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedInput(f"{path}: not TOML: {error}; correct that and run again") from error
    study = checked(SearchStudy, {**document, **(changes or {})}, text=text, place=str(path))
    return NamedSearchStudy(path.stem, study, f"untrained search {name}")
