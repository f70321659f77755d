"""From a study to the list of scores it wants, and from what is missing to tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from untrained.harness.analysis.aggregates import aggregates_of_study, with_members
from untrained.harness.execution.task import ScoreTask, Wanted
from untrained.harness.study.conditions import protocols
from untrained.harness.study.population import Selection, select
from untrained.harness.study.study_file import NamedStudy
from untrained.indicators import Protocol, indicators
from untrained.results import ScoreKey
from untrained.results.aggregates import BoundAggregate
from untrained.spaces import find_initialisation, spaces


@dataclass(frozen=True)
class Plan:
    """Every score that a study wants of one search space."""

    space: str
    selection: Selection
    protocols: Mapping[str, Protocol]
    """By indicator id; each resolved."""
    versions: Mapping[str, int]
    """By indicator id."""
    seeds: tuple[int, ...]
    share_classes: bool = False
    timeout_s: float | None = None
    aggregates: tuple[BoundAggregate, ...] = ()
    """What tables compute from the scores; it asks for no score beyond `protocols`."""

    @cached_property
    def keys(self) -> list[ScoreKey]:
        """The keys of all wanted scores, one network's together."""
        digests = {name: protocol.digest for name, protocol in self.protocols.items()}
        return [
            ScoreKey(self.space, arch, name, self.versions[name], digest, seed)
            for seed in self.seeds
            for arch in self.selection.architectures
            for name, digest in digests.items()
        ]

    def tasks(self, missing: Sequence[ScoreKey], *, device: str) -> Iterator[ScoreTask]:
        """The work that yields the missing scores, one task a network.

        Args:
            missing: a part of `keys`.
        """
        networks: dict[tuple[int, str], dict[str, dict[str, None]]] = {}
        for key in missing:
            built = self._built_for(key.indicator, key.architecture)
            members = networks.setdefault((key.seed, built), {}).setdefault(key.indicator, {})
            members[key.architecture] = None
        for (seed, architecture), wanted in networks.items():
            yield ScoreTask(
                space=self.space,
                architecture=architecture,
                wanted=tuple(
                    Wanted(name, self.versions[name], self.protocols[name], tuple(members))
                    for name, members in wanted.items()
                ),
                seed=seed,
                device=device,
                timeout_s=self.timeout_s,
            )

    def _built_for(self, indicator: str, architecture: str) -> str:
        """The architecture whose network gives the score: its class's first, if it is shared."""
        if self.share_classes and indicators[indicator].class_invariant:
            return self.representatives[architecture]
        return architecture

    @cached_property
    def representatives(self) -> dict[str, str]:
        """The representative of the functional class of every selected architecture."""
        space = spaces[self.space]
        return {arch: str(space.canonical(arch)) for arch in self.selection.architectures}


def plan_study(
    named: NamedStudy, *, architectures: Mapping[str, Sequence[str]] | None = None
) -> list[Plan]:
    """One plan for each search space of a study.

    Args:
        named: the study; its text serves to name the lines of mistakes.
        architectures: by search space, instead of the study's population; a space of the study
            that is not among them has no plan.

    Raises:
        MalformedInput: an unknown name, with its line; see also `select` and `resolve`.
        MissingData: images or a list of architectures that are not there.
        UserError: a population the space does not have.
    """
    study = named.study
    aggregates = aggregates_of_study(named)
    names = with_members(_checked_names(named), aggregates)
    resolved = protocols(study, names)
    return [
        Plan(
            space=name,
            selection=select(spaces[name], study)
            if architectures is None
            else Selection(tuple(architectures[name]), f"{len(architectures[name]):,} given"),
            protocols=resolved,
            versions={i: indicators[i].version for i in names},
            seeds=study.network_seeds,
            share_classes=study.share_classes,
            timeout_s=study.timeout_s,
            aggregates=aggregates,
        )
        for name in dict.fromkeys(study.spaces)
        if architectures is None or name in architectures
    ]


def _checked_names(named: NamedStudy) -> list[str]:
    """The indicators of the study, once every name in it is known to exist."""
    study = named.study
    with named.at("inputs"):
        study.find_dataset()
    with named.at("initialisation"):
        if study.initialisation is not None:
            find_initialisation(study.initialisation)
    for space in study.spaces:
        with named.at("spaces"):
            spaces[space]
    if study.indicators == ("all",):
        return list(indicators)
    with named.at("indicators"):
        chosen = [name for pattern in study.indicators for name in indicators.matching(pattern)]
    return list(dict.fromkeys(chosen))
