"""Which stored scores go into a table: one protocol and version an indicator, some seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from untrained.harness.plan import Plan
from untrained.indicators import Protocol
from untrained.results import ScoreStore
from untrained.results.aggregates import BoundAggregate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Scores of one search space, and the population they belong to."""

    space: str
    frame: pd.DataFrame
    """Rows of `ScoreStore.frame`; one version and protocol an indicator."""
    architectures: tuple[str, ...]
    """The population."""
    population: str
    """The population in words."""
    protocols: Mapping[str, Protocol]
    """By indicator id."""
    seeds: Mapping[str, tuple[int, ...]]
    """By indicator id."""
    notes: tuple[str, ...] = field(default=())
    aggregates: tuple[BoundAggregate, ...] = ()
    """Computed from the scores when a table is made; their members are among `protocols`."""


def ranked_of_plan(plan: Plan, store: ScoreStore) -> Ranked:
    """The stored scores that a plan wanted, and no others."""
    frame = store.frame(space=plan.space, indicators=list(plan.protocols))
    digests = {name: protocol.digest for name, protocol in plan.protocols.items()}
    frame = frame[
        (frame["protocol"] == frame["indicator"].map(digests))
        & (frame["version"] == frame["indicator"].map(plan.versions))
        & frame["seed"].isin(plan.seeds)
        & frame["architecture"].isin(plan.selection.architectures)
    ]
    return Ranked(
        plan.space,
        frame,
        plan.selection.architectures,
        plan.selection.text,
        plan.protocols,
        dict.fromkeys(plan.protocols, plan.seeds),
        aggregates=plan.aggregates,
    )
