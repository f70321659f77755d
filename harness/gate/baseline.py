"""A baseline: scores and true values of a study that were committed as correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.spaces import Target

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named


@dataclass(frozen=True, slots=True)
class GoldenScore:
    """The committed score of one golden network."""

    indicator: str
    network: str
    version: int
    """Version of the indicator."""
    value: float
    """NaN where the score diverged."""
    tolerance: float
    """Relative difference that rounding on another machine may make."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of an indicator when its scores were measured."""

    indicator: str
    version: int
    protocol: str
    """Digest."""
    higher_is_better: bool
    repeatable: bool
    """Whether the same seed gave the same bits twice."""
    conditions: str
    """The protocol in words."""


@dataclass(frozen=True, slots=True)
class BaselineTruth:
    """The source of the true values of one space."""

    benchmark: str
    target: Target
    higher_is_better: bool
    source: str
    sha256: str
    """Digest of the file with the values."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Golden scores and, where there is a study, its scores and true values."""

    name: str
    folder: Path
    golden: tuple[GoldenScore, ...]
    """Sorted by indicator and network."""
    provenance: Mapping[str, Any]
    """Versions, command, populations: for people."""
    study: Named[Study] | None = None
    """None: golden scores alone."""
    seeds: tuple[int, ...] = ()
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """By indicator, in alphabetical order."""
    truths: Mapping[str, BaselineTruth] = field(default_factory=dict)
    """By search space."""
    values: Mapping[str, pd.Series[float]] = field(default_factory=dict)
    """True values by search space, indexed by architecture; NaN where there is none."""
    scores: Mapping[tuple[str, str], pd.DataFrame] = field(default_factory=dict)
    """By search space and indicator: one column a seed, indexed by architecture."""

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Networks of each search space, in alphabetical order."""
        return {space: tuple(map(str, v.index)) for space, v in self.values.items()}
