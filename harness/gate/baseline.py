"""A baseline: what was true of a study when somebody last looked at it and agreed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.spaces import Target

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named


@dataclass(frozen=True, slots=True)
class GoldenScore:
    """A score of one golden network."""

    indicator: str
    network: str
    version: int
    """Of the indicator's definition."""
    value: float
    """NaN where the score diverged."""
    tolerance: float
    """Relative difference that rounding on another machine may make."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What an indicator was when its scores were measured."""

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
    """Where the true values of one space came from."""

    benchmark: str
    target: Target
    higher_is_better: bool
    source: str
    sha256: str
    """Of the file they were in."""


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
    definitions: Mapping[str, Definition] | None = None
    """By indicator, in alphabetical order."""
    truths: Mapping[str, BaselineTruth] | None = None
    """By search space."""
    values: Mapping[str, pd.Series[float]] | None = None
    """True values by search space, indexed by architecture; NaN where there is none."""
    scores: Mapping[tuple[str, str], pd.DataFrame] | None = None
    """By search space and indicator: one column a seed, indexed by architecture."""

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """The networks of each search space, in alphabetical order."""
        return {space: tuple(map(str, v.index)) for space, v in (self.values or {}).items()}
