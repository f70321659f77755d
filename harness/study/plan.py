"""Plans: the scores that a study asks for, and the tasks that yield those that are missing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, product
from typing import TYPE_CHECKING, Literal

import numpy as np

from untrained.foundation import UserError, derive
from untrained.harness.study.conditions import protocols
from untrained.harness.study.population import Selection, select
from untrained.harness.study.study import Factors, OwnAggregate, Study
from untrained.indicators import Protocol, Reading, indicators
from untrained.results import Score, ScoreKey, ScoreStore
from untrained.results.aggregates import Aggregate, BoundAggregate, aggregates
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd

    from untrained.results.store.store import StoredRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """One indicator under one protocol, and the architectures its score is for."""

    indicator: str
    version: int
    protocol: Protocol
    members: tuple[str, ...]
    """The architecture that is built, or members of its functional class."""


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """Work on one network: plain values only, so that it crosses a process boundary."""

    space: str
    architecture: str
    """The one that is built."""
    wanted: tuple[Wanted, ...]
    seed: int
    """Seed of the run; initialisation and draws derive from it and the architecture."""
    device: str = "cpu"
    timeout_s: float | None = None
    """For one indicator; None: no limit."""
    split: bool = False
    """Whether an indicator that runs out of memory is tried again with the batch in parts."""

    def scores_of(self, wanted: Wanted, reading: Reading) -> Iterator[Score]:
        """Give the reading as one score for each member, its seconds to three digits."""
        # further digits do not repeat, and would make up half of an exported file
        alone_s = float(f"{reading.alone_s:.3g}")
        for member in wanted.members:
            yield Score(
                space=self.space,
                architecture=member,
                indicator=wanted.indicator,
                version=wanted.version,
                protocol=wanted.protocol.digest,
                seed=self.seed,
                value=reading.value if reading.status == "ok" else math.nan,
                status=reading.status,
                reason=reading.reason,
                alone_s=alone_s,
                peak_bytes=reading.peak_bytes,
                representative=None if member == self.architecture else self.architecture,
            )

    def failed(self, reason: str, status: Literal["error", "timeout"] = "error") -> list[Score]:
        """Scores without a value for everything that is wanted."""
        reading = Reading(math.nan, status, reason)
        return [score for wanted in self.wanted for score in self.scores_of(wanted, reading)]


@dataclass(frozen=True)
class Plan:
    """Every score that a study wants of one search space."""

    space: str
    selection: Selection
    protocols: Mapping[str, Protocol]
    """By indicator id; each resolved."""
    versions: Mapping[str, int]
    """By indicator id: see `score_version`."""
    seeds: tuple[int, ...]
    shared: frozenset[str] = frozenset()
    """Indicators of which one architecture of each functional class is scored."""
    timeout_s: float | None = None
    split: bool = False
    aggregates: tuple[BoundAggregate, ...] = ()
    """Scores that tables compute from other scores; all members are among `protocols`."""

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
        """The work that yields the missing ones of `keys`, one task a network."""
        for (seed, architecture), wanted in self._networks(missing):
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
                split=self.split,
            )

    def _networks(
        self, missing: Sequence[ScoreKey]
    ) -> Iterator[tuple[tuple[int, str], Mapping[str, Collection[str]]]]:
        """Seed and architecture of each network, with the members by indicator."""
        if not self.shared:  # then the keys of a network are together
            for network, keys in groupby(missing, key=lambda key: (key.seed, key.architecture)):
                yield network, {key.indicator: (key.architecture,) for key in keys}
            return
        networks: dict[tuple[int, str], dict[str, dict[str, None]]] = {}
        for key in missing:
            # the network of the class's first member gives a score that is shared
            is_shared, own = key.indicator in self.shared, key.architecture
            built = self.representatives[own] if is_shared else own
            members = networks.setdefault((key.seed, built), {}).setdefault(key.indicator, {})
            members[key.architecture] = None
        yield from networks.items()

    def rows_in(
        self, store: ScoreStore, names: Collection[str] | None = None
    ) -> Iterator[tuple[ScoreKey, StoredRow]]:
        """The wanted scores that a store holds, with their keys; only those of some indicators."""
        wanted = frozenset(self.selection.architectures)
        for name, protocol in self.protocols.items():
            if names is not None and name not in names:
                continue
            version, digest = self.versions[name], protocol.digest
            for seed in self.seeds:
                for row in store.rows(self.space, name, version, digest, seed):
                    if row.architecture in wanted:
                        yield (
                            ScoreKey(self.space, row.architecture, name, version, digest, seed),
                            row,
                        )

    def scores_in(self, store: ScoreStore) -> pd.DataFrame:
        """The wanted scores that a store holds: rows of `ScoreStore.frame`."""
        frame = store.frame(space=self.space, indicators=list(self.protocols))
        return frame[self.wanted_among(frame)]

    def wanted_among(self, frame: pd.DataFrame) -> pd.Series[bool]:
        """Tell which rows of a frame of scores are wanted."""
        digests = {name: protocol.digest for name, protocol in self.protocols.items()}
        return (
            (frame["space"] == self.space)
            & (frame["protocol"] == frame["indicator"].map(digests))
            & (frame["version"] == frame["indicator"].map(self.versions))
            & frame["seed"].isin(self.seeds)
            & frame["architecture"].isin(self.selection.architectures)
        )

    @cached_property
    def representatives(self) -> dict[str, str]:
        """The representative of the functional class of every selected architecture."""
        space = spaces[self.space]
        return {arch: str(space.canonical(arch)) for arch in self.selection.architectures}


def score_version(version: int, space: str) -> int:
    """The version of an indicator's scores of a space: that of the networks counts as well."""
    return version + spaces[space].version - 1


def shared_indicators(study: Study, names: Collection[str] = ()) -> frozenset[str]:
    """Return those, of some indicators, whose scores a study shares within functional classes.

    Raises:
        UserError: a named indicator is unknown, or members of a class may score differently.
    """
    if isinstance(study.share_classes, bool):
        allowed = names if study.share_classes else ()
        return frozenset(name for name in allowed if indicators[name].class_invariant)
    for name in study.share_classes:
        if not indicators[name].class_invariant:
            raise UserError(
                f"cannot share the scores of {name}: architectures of one functional class may "
                "score differently. Take it out of share_classes."
            )
    return frozenset(study.share_classes)


def plan_study(
    study: Study,
    *,
    architectures: Mapping[str, Sequence[str]] | None = None,
    recorded: Collection[Protocol] = (),
) -> list[Plan]:
    """One plan for each search space of a study.

    Args:
        architectures: by search space, instead of the study's population; a space of the study
            that is not among them has no plan.
        recorded: protocols of scores at hand: see `resolve`.

    Raises:
        MissingData: images or a list of architectures that are not there.
        UserError: a population the space does not have; see also `select` and `resolve`.
    """
    bound = aggregates_of_study(study)
    patterns = study.indicators if study.indicators != ("all",) else list(indicators)
    names = [name for pattern in patterns for name in indicators.matching(pattern)]
    names = list(dict.fromkeys([*names, *(member for one in bound for member in one.members)]))
    conditions = study.model_copy(update={"seed": study.batch_seeds[0]})
    return [
        Plan(
            space=name,
            selection=select(spaces[name], study)
            if architectures is None
            else Selection(tuple(architectures[name]), f"{len(architectures[name]):,} given"),
            protocols=protocols(conditions, names, study.options, space=name, recorded=recorded),
            versions={i: score_version(indicators[i].version, name) for i in names},
            seeds=study.network_seeds,
            shared=shared_indicators(study, names).intersection(names),
            timeout_s=study.timeout_s,
            split=study.split,
            aggregates=bound,
        )
        for name in dict.fromkeys(study.spaces)
        if architectures is None or name in architectures
    ]


def wanted_scores(plans: Sequence[Plan], frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a frame of scores that any of some plans wants."""
    wanted = np.zeros(len(frame), dtype=bool)
    for plan in plans:
        wanted |= plan.wanted_among(frame).to_numpy()
    return frame[wanted]


PART = 100
"""Architectures for which further batches are drawn."""


def plan_batches(
    study: Study, plan: Plan, *, recorded: Collection[Protocol] = ()
) -> tuple[Plan, ...]:
    """The plans of the further batches of a study, for a part of the population of one plan.

    Scores that look at no batch are the same as those of the plan.

    Args:
        recorded: protocols of scores at hand: see `resolve`.
    """
    population = plan.selection.architectures
    rng = np.random.default_rng(derive(study.batch_seeds[0], "batches", plan.space))
    part = [population[i] for i in sorted(rng.permutation(len(population))[:PART])]
    return tuple(
        replace(
            plan,
            selection=Selection(tuple(part), f"{len(part):,} of {plan.selection.text}"),
            protocols=protocols(
                study.model_copy(update={"seed": seed}),
                plan.protocols,
                study.options,
                space=plan.space,
                recorded=recorded,
            ),
            seeds=plan.seeds[:1],
        )
        for seed in study.batch_seeds[1:]
    )


def aggregates_of_study(study: Study) -> tuple[BoundAggregate, ...]:
    """The aggregates that a study names, and those that it defines."""
    own = (bind_aggregate(one, aggregates[one.kind]) for one in study.aggregate)
    return (*aggregates_of_names(study.aggregates), *own)


def aggregates_of_names(names: Sequence[str]) -> tuple[BoundAggregate, ...]:
    """Those of some names, with their own members and default parameters.

    Raises:
        UnknownName: there is no such aggregate.
        MalformedInput: it is a kind, which has no members of its own.
        UserError: an indicator has its name, as that of a plug-in can.
    """
    for name in names:
        if name in aggregates and name in indicators:
            raise UserError(
                f"cannot show the aggregate {name!r}: an indicator has the same name, and its row "
                f"would be taken for the aggregate's. Rename the one in {aggregates.origin(name)}."
            )
    return tuple(BoundAggregate.of(aggregates[name]) for name in dict.fromkeys(names))


def bind_aggregate(own: OwnAggregate, kind: Aggregate) -> BoundAggregate:
    """Choose the members and parameters of a kind that a study asks for.

    Raises:
        UserError: they do not fit the kind.
    """
    return BoundAggregate.of(
        kind, name=own.name, members=own.members, parameters=own.parameters, diverged=own.diverged
    )


OWN = "own"
"""Level of a factor that the study leaves to each indicator's protocol."""


@dataclass(frozen=True)
class Cell:
    """One combination of levels."""

    levels: Mapping[str, str]
    """By factor, in words."""
    plans: tuple[Plan, ...]
    """One a search space."""


def plan_cells(study: Study, *, recorded: Collection[Protocol] = ()) -> list[Cell]:
    """The plans of every combination of levels; the study's own are first, or alone.

    Args:
        recorded: protocols of scores at hand: see `resolve`.

    Raises:
        UserError: see `plan_study`, of every cell.
    """
    varied = {
        name: tuple(dict.fromkeys((getattr(study, name), *further)))
        for name, further in study.factors.varied.items()
    }
    cells = []
    for values in product(*varied.values()):
        changes = dict(zip(varied, values, strict=True))
        of_cell = study.model_copy(update=changes | {"factors": Factors()})
        cells.append(
            Cell(
                {name: OWN if value is None else str(value) for name, value in changes.items()},
                tuple(plan_study(of_cell, recorded=recorded)),
            )
        )
    return cells
